package commerce

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// setPath replaces the value at a path in a decoded JSON tree. Every part must
// exist already, so that a misspelled field is an error and not a new one.
func setPath(tree any, path []string, value json.RawMessage) error {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("the value is no JSON")
	}
	for i, part := range path {
		last := i == len(path)-1
		switch node := tree.(type) {
		case map[string]any:
			next, ok := node[part]
			if !ok {
				return fmt.Errorf("no field %q", part)
			}
			if last {
				node[part] = v
				return nil
			}
			tree = next
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n < 0 || n >= len(node) {
				return fmt.Errorf("no element %q of %d", part, len(node))
			}
			if last {
				node[n] = v
				return nil
			}
			tree = node[n]
		default:
			return fmt.Errorf("%q is inside a plain value", part)
		}
	}
	return nil
}
