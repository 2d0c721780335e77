package magentotest

import "slices"

// once keeps the first store of each key.
func once[K comparable](stores []Store, key func(Store) K) []Store {
	seen := map[K]bool{}
	return slices.DeleteFunc(slices.Clone(stores), func(s Store) bool {
		k := key(s)
		old := seen[k]
		seen[k] = true
		return old
	})
}

func (s *Shop) serveWebsites(*request) (any, *failure) {
	out := []any{obj{"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0}}
	for _, st := range once(s.stores, func(s Store) int64 { return s.WebsiteID }) {
		out = append(out, obj{"id": st.WebsiteID, "code": st.Website, "name": st.WebsiteName, "default_group_id": st.WebsiteID})
	}
	return out, nil
}

func (s *Shop) serveGroups(*request) (any, *failure) {
	out := []any{obj{"id": 0, "website_id": 0, "root_category_id": 0, "default_store_id": 0, "name": "Default", "code": "default"}}
	for _, st := range once(s.stores, func(s Store) int64 { return s.WebsiteID }) {
		out = append(out, obj{"id": st.WebsiteID, "website_id": st.WebsiteID, "root_category_id": 2, "default_store_id": st.ID,
			"name": st.GroupName, "code": st.Website + "_group"})
	}
	return out, nil
}

func (s *Shop) serveViews(*request) (any, *failure) {
	out := []any{obj{"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0, "is_active": 1}}
	for _, st := range s.stores {
		out = append(out, obj{"id": st.ID, "code": st.Code, "name": st.Name, "website_id": st.WebsiteID, "store_group_id": st.WebsiteID, "is_active": 1})
	}
	return out, nil
}

func (s *Shop) serveConfigs(r *request) (any, *failure) {
	codes := r.query["storeCodes[]"]
	out := []any{}
	for _, st := range s.stores {
		if len(codes) > 0 && !slices.Contains(codes, st.Code) {
			continue
		}
		out = append(out, obj{"id": st.ID, "code": st.Code, "website_id": st.WebsiteID, "locale": "en_US", "weight_unit": "lbs", "timezone": "UTC",
			"base_currency_code": st.BaseCurrency, "default_display_currency_code": st.Currency})
	}
	return out, nil
}
