package odootest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// rpcCall is the body of a JSON-RPC request.
type rpcCall struct {
	ID     json.RawMessage `json:"id"`
	Params struct {
		Service string            `json:"service"`
		Method  string            `json:"method"`
		Args    []json.RawMessage `json:"args"`
	} `json:"params"`
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.c.Now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(r.Body)
	if err != nil {
		page(w, http.StatusBadRequest, "")
		return
	}
	switch {
	case r.URL.Path == "/web/version" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"version_info": versionInfo(), "version": Version})
	case r.URL.Path == "/jsonrpc" && r.Method == http.MethodPost:
		s.jsonrpc(w, body)
	case strings.HasPrefix(r.URL.Path, "/json/2/"):
		s.json2(w, r, body)
	default:
		page(w, http.StatusNotFound, "<h1>Not Found</h1>\n")
	}
}

func versionInfo() []any { return []any{19, 0, 0, "final", 0, ""} }

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		page(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// page is an HTML page, as the HTTP layer writes them.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<title>%d %s</title>\n%s", status, http.StatusText(status), text)
}

// jsonrpc answers with 200, whatever happened.
func (s *Server) jsonrpc(w http.ResponseWriter, body []byte) {
	var call rpcCall
	if json.Unmarshal(body, &call) != nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "Invalid JSON data")
		return
	}
	s.record(call)
	result, err := s.service(call)
	out := map[string]any{"jsonrpc": "2.0", "id": call.ID}
	if p, ok := err.(*problem); ok {
		out["error"] = map[string]any{"code": 0, "message": "Odoo Server Error", "data": p.data()}
	} else {
		out["result"] = encode(result)
	}
	answer(w, http.StatusOK, out)
}

// record keeps a call without its key.
func (s *Server) record(call rpcCall) {
	args := append([]json.RawMessage(nil), call.Params.Args...)
	if len(args) > 2 {
		args[2] = json.RawMessage(`"[sealed]"`)
	}
	method := call.Params.Service + "." + call.Params.Method
	if call.Params.Service == "object" {
		if len(args) > 4 {
			var model, name string
			_, _ = json.Unmarshal(args[3], &model), json.Unmarshal(args[4], &name)
			method, args = model+"."+name, args[5:]
		}
	}
	b, _ := json.Marshal(args)
	s.calls = append(s.calls, Call{method, b})
}

func (s *Server) service(call rpcCall) (any, error) {
	args := make([]any, len(call.Params.Args))
	for i, b := range call.Params.Args {
		v, err := decode(b)
		if err != nil {
			return nil, valueError("invalid argument")
		}
		args[i] = v
	}
	arg := func(i int) any {
		if i < len(args) {
			return args[i]
		}
		return nil
	}
	switch call.Params.Service + "." + call.Params.Method {
	case "common.version":
		return map[string]any{"server_version": Version, "server_version_info": versionInfo(), "server_serie": Version, "protocol_version": 1}, nil
	case "common.authenticate", "common.login":
		if err := database(arg(0)); err != nil {
			return nil, err
		}
		if arg(1) != s.c.User || arg(2) != s.c.Key {
			return false, nil
		}
		return userID, nil
	case "object.execute_kw", "object.execute":
		if err := database(arg(0)); err != nil {
			return nil, err
		}
		if arg(1) != int64(userID) || arg(2) != s.c.Key {
			return nil, raise("odoo.exceptions.AccessDenied", http.StatusForbidden, "Access Denied")
		}
		positional, _ := arg(5).([]any)
		named, _ := arg(6).(map[string]any)
		return s.run(&transaction{server: s, db: s.db}, text(arg(3)), text(arg(4)), positional, named)
	}
	return nil, raise("builtins.KeyError", http.StatusInternalServerError, "'%s'", call.Params.Service)
}

func database(name any) error {
	if name == Database {
		return nil
	}
	return raise("psycopg2.OperationalError", http.StatusInternalServerError,
		"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"%s\" does not exist\n", text(name))
}

// run carries a call out as one transaction.
func (s *Server) run(t *transaction, model, name string, args []any, named map[string]any) (any, error) {
	result, err := t.call(model, name, args, named, t.json2)
	if err != nil {
		s.db.rollback(0)
		return nil, err
	}
	result = encode(result) // before the records that it shows can change
	s.db.commit()
	return result, nil
}

// json2 answers with the bare result, or with an error and its status.
func (s *Server) json2(w http.ResponseWriter, r *http.Request, body []byte) {
	fail := func(p *problem) { answer(w, p.status, p.data()) }
	model, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/json/2/"), "/")
	if db := r.Header.Get("X-Odoo-Database"); db != "" && db != Database {
		page(w, http.StatusNotFound, "<h1>Not Found</h1>\n<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>\n")
		return
	}
	if r.Method != http.MethodPost {
		fail(werkzeug("NotFound", http.StatusNotFound, "Did you mean POST /json/2/<model>/<method>?"))
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		w.Header().Set("Accept", "application/json")
		page(w, http.StatusUnsupportedMediaType, "<h1>Unsupported Media Type</h1>\n")
		return
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case !strings.EqualFold(scheme, "bearer"):
		w.Header().Set("WWW-Authenticate", "Bearer ")
		fail(werkzeug("Unauthorized", http.StatusUnauthorized, "User not authenticated, use an API Key with a Bearer Authorization header."))
		return
	case key != s.c.Key:
		w.Header().Set("WWW-Authenticate", "Bearer ")
		fail(werkzeug("Unauthorized", http.StatusUnauthorized, "Invalid apikey"))
		return
	}
	v, err := decode(body)
	named, ok := v.(map[string]any)
	if err != nil || !ok {
		fail(werkzeug("BadRequest", http.StatusBadRequest,
			"could not parse the body as json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"))
		return
	}
	s.calls = append(s.calls, Call{model + "." + name, append(json.RawMessage(nil), body...)})
	result, err := s.run(&transaction{server: s, db: s.db, json2: true}, model, name, nil, named)
	if p, ok := err.(*problem); ok {
		fail(p)
		return
	}
	answer(w, http.StatusOK, result)
}
