package connection

import "slices"

// Knows reports whether a row of the table is about a code.
func Knows(code string) bool {
	return slices.ContainsFunc(remedies, func(r Remedy) bool { return slices.Contains(r.is.codes, code) })
}
