package stripe

// UnmarshalJSON reads a list inside another object. A missing data or has_more is a
// [*GapError]: a page would pass for the whole. Null is no list.
func (l *List[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	type plain List[T]
	return read(b, (*plain)(l), "list", "data", "has_more")
}
