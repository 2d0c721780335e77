package nopcommercetest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

func (o *Order) custom() *map[string]json.RawMessage    { return &o.Custom }
func (c *Customer) custom() *map[string]json.RawMessage { return &c.Custom }
func (p *Product) custom() *map[string]json.RawMessage  { return &p.Custom }

// MarshalJSON writes the columns and what the build adds.
func (o *Order) MarshalJSON() ([]byte, error) {
	type columns Order
	return splice((*columns)(o), o.Custom)
}

// MarshalJSON writes the columns and what the build adds.
func (c *Customer) MarshalJSON() ([]byte, error) {
	type columns Customer
	return splice((*columns)(c), c.Custom)
}

// MarshalJSON writes the columns and what the build adds.
func (p *Product) MarshalJSON() ([]byte, error) {
	type columns Product
	return splice((*columns)(p), p.Custom)
}

func splice(columns any, custom map[string]json.RawMessage) ([]byte, error) {
	b, err := json.Marshal(columns)
	if err != nil || len(custom) == 0 {
		return b, err
	}
	out := bytes.NewBuffer(b[:len(b)-1])
	for _, name := range slices.Sorted(maps.Keys(custom)) {
		out.WriteString(`,"` + name + `":`)
		out.Write(custom[name])
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// build keeps of what a body brought the members that the build has; those that it did
// not bring are null. A new row has the build's values.
func (s *Shop) build(table string, custom *map[string]json.RawMessage, fresh bool) {
	want := s.c.CustomMembers[table]
	if len(want) == 0 {
		*custom = nil
		return
	}
	kept := make(map[string]json.RawMessage, len(want))
	for name, v := range want {
		kept[name] = json.RawMessage("null")
		if fresh {
			kept[name] = v
		}
		if sent, ok := (*custom)[name]; ok {
			kept[name] = sent
		}
	}
	*custom = kept
}
