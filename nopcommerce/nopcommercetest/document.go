package nopcommercetest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// document answers what tells which plugin a shop has: the Swagger page and the document
// behind it. The document names the routes and nothing else of them.
func (s *Shop) document(method, path string) (answer, bool) {
	if method != http.MethodGet {
		return answer{}, false
	}
	page := answer{http.StatusOK, []byte("<!DOCTYPE html>\n<html><head><title>Swagger UI</title></head><body><div id=\"swagger-ui\"></div></body></html>"), "text/html; charset=utf-8", nil}
	official, communal := s.c.API != Community, s.c.API != Official
	switch {
	case official && path == "/api/index.html", communal && path == "/api/swagger":
		return page, true
	case official && path == "/api/backend_v"+strings.TrimPrefix(s.c.Version, "v")+"/swagger.json":
		paths := map[string]obj{}
		for _, rt := range routes {
			if rt.since <= s.version {
				name := "/api-backend" + rt.path
				if paths[name] == nil {
					paths[name] = obj{}
				}
				paths[name][strings.ToLower(rt.method)] = obj{}
			}
		}
		return openAPI("nopCommerce Web API Backend", "v"+strings.TrimPrefix(s.c.Version, "v"), paths), true
	case communal && path == "/api/swagger/v1/swagger.json":
		paths := map[string]obj{}
		for _, rt := range communityRoutes {
			paths[rt.path] = obj{strings.ToLower(rt.method): obj{}}
		}
		return openAPI("Nop API", "v1", paths), true
	}
	return answer{}, false
}

func openAPI(title, version string, paths map[string]obj) answer {
	b, err := json.Marshal(obj{"openapi": "3.0.1", "info": obj{"title": title, "version": version}, "paths": paths})
	if err != nil {
		panic(err)
	}
	return answer{status: http.StatusOK, body: b}
}
