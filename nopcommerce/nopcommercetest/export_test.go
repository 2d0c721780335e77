package nopcommercetest

import "strings"

// Route is an entry of a route table, for the tests that hold it beside the documents.
type Route struct {
	Method, Path string
	Parameters   []Parameter
	Body         bool
	Since        int
}

// Parameter is one of a query.
type Parameter struct {
	Name, Kind string
	Required   bool
}

// Routes returns the route table of the official API.
func Routes() (all []Route) {
	for _, rt := range routes {
		out := Route{Method: rt.method, Path: "/api-backend" + rt.path, Body: rt.body, Since: rt.since}
		for _, p := range rt.parameters() {
			out.Parameters = append(out.Parameters, Parameter{p.name, p.kind, p.required})
		}
		all = append(all, out)
	}
	return all
}

// CommunityRoutes returns the route table of the community API; kinds of parameters are
// unknown there.
func CommunityRoutes() (all []Route) {
	for _, rt := range communityRoutes {
		out := Route{Method: rt.method, Path: rt.path, Body: rt.method == "POST"}
		for name := range strings.FieldsSeq(rt.query) {
			out.Parameters = append(out.Parameters, Parameter{Name: name})
		}
		all = append(all, out)
	}
	return all
}
