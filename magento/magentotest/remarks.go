package magentotest

import "slices"

// kind is a kind of document, for the routes of its comments.
type kind struct {
	table string
	docs  func(*Shop) []*document
}

var (
	invoices  = kind{"invoice_comment", func(s *Shop) []*document { return s.invoices }}
	shipments = kind{"shipment_comment", func(s *Shop) []*document { return s.shipments }}
	memos     = kind{"memo_comment", func(s *Shop) []*document { return s.memos }}
)

// remarks lists the comments of a document.
func (k kind) remarks(s *Shop, r *request) (any, *failure) {
	d := byID(k.docs(s), r.id)
	if d == nil {
		return nil, errNotFound
	}
	return obj{"items": orEmpty(d.remarks), "search_criteria": obj{"filter_groups": []any{}}, "total_count": len(d.remarks)}, nil
}

// remark comments on a document, whose updated_at and whose order's stay, as measured.
func (k kind) remark(s *Shop, r *request) (any, *failure) {
	if f := r.needs("entity"); f != nil {
		return nil, f
	}
	var in struct {
		Entity struct {
			ParentID  dec    `json:"parent_id"`
			Comment   string `json:"comment"`
			Notified  int    `json:"is_customer_notified"`
			Visible   int    `json:"is_visible_on_front"`
			ID        any    `json:"entity_id"`
			CreatedAt any    `json:"created_at"`
			Extension any    `json:"extension_attributes"`
		} `json:"entity"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	e := in.Entity
	id := r.id
	if id == 0 {
		id = int64(e.ParentID / one)
	}
	d := byID(k.docs(s), id)
	if d == nil {
		return nil, errNotFound
	}
	made := obj{"entity_id": s.next(k.table), "parent_id": d.id, "comment": e.Comment, "is_customer_notified": e.Notified,
		"is_visible_on_front": e.Visible, "created_at": stamp(s.now())}
	d.remarks = append(d.remarks, made)
	return made, nil
}

func (s *Shop) serveTrackDelete(r *request) (any, *failure) {
	for _, d := range s.shipments {
		at := slices.IndexFunc(d.tracks, func(t any) bool { return t.(obj)["entity_id"] == r.id })
		if at >= 0 {
			d.tracks = slices.Delete(d.tracks, at, at+1)
			return true, nil
		}
	}
	return nil, errNotFound
}
