package friendcoretest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	okay = "ok<!--separate-->"
	fail = "fail<!--separate-->"

	maxForm = 8 << 20 // bytes of a request body
)

// call is one HTTP call by a user with a session.
type call struct {
	server *Server
	form   func(key string) string
	user   User // who calls

	// The answer, written when the function has returned and holds no lock.
	status      int
	contentType string
	body        string
}

// functions are FriendCore's calls by path, below /system.library/.
var functions = map[string]func(*call){
	"module":                     (*call).module,
	"validate":                   (*call).validate,
	"service/request":            (*call).serviceRequest,
	"notification/notify-server": (*call).notifyServer,
	"user/logout":                (*call).logout,
	"user/create":                (*call).userCreate,
	"user/update":                (*call).userUpdate,
	"user/updatestatus":          (*call).userUpdateStatus,
	"user/updategroups":          (*call).userUpdateGroups,
	"user/delete":                (*call).userDelete,
	"user/addrelationship":       (*call).userAddRelationship,
	"group/create":               (*call).groupCreate,
	"group/update":               (*call).groupUpdate,
	"group/updatestatus":         (*call).groupUpdateStatus,
	"group/delete":               (*call).groupDelete,
	"group/addusers":             (*call).groupAddUsers,
	"group/removeusers":          (*call).groupRemoveUsers,
	"group/setusers":             (*call).groupSetUsers,
}

// handleHTTP is FriendCore's HTTP port: POST and GET, with or without a slash at
// the end of the path.
func (s *Server) handleHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		panic(http.ErrAbortHandler)
	}
	if !s.pause() || s.failHTTP(w, r) {
		return
	}
	c := &call{server: s, form: r.Form.Get}
	path, found := strings.CutPrefix(r.URL.Path, "/system.library/")
	path = strings.TrimSuffix(path, "/")
	switch function := functions[path]; {
	case path == "login" && found:
		c.login()
	case !c.allowed():
	case function == nil || !found:
		c.answer(http.StatusNotFound, "", fail+`{"response":"Function not found","code":"1"}`)
	default:
		function(c)
	}
	write(w, c.status, c.contentType, c.body)
}

func (c *call) answer(status int, contentType, body string) {
	c.status, c.contentType, c.body = status, contentType, body
}

// write sends an answer with FriendCore's headers.
func write(w http.ResponseWriter, status int, contentType, body string) {
	h := w.Header()
	h["Content-Type"] = nil
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Connection", "close")
	if body != "" && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	w.Write([]byte(body))
}

// html answers as FriendCore's own functions do, php as its PHP modules do.
func (c *call) html(format string, args ...any) {
	c.answer(http.StatusOK, "text/html", fmt.Sprintf(format, args...))
}

func (c *call) php(body string) { c.answer(http.StatusOK, "text/plain", body) }

// allowed finds the caller by session or authid, or answers that there is none.
func (c *call) allowed() bool {
	sessionID, authID := c.form("sessionid"), c.form("authid")
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case sessionID == "" && authID == "":
		c.html(fail + `{"response":"sessionid or authid parameter is missing","code":"3"}`)
		return false
	case sessionID != "":
		if open, ok := s.sessions[sessionID]; ok {
			c.user = *s.users[open.user]
			return true
		}
	default:
		for _, u := range s.users {
			if u.AuthID == authID && s.hasSession(u.ID) {
				c.user = *u
				return true
			}
		}
		sessionID = "(null)"
	}
	c.html(fail+`{"response":"User session not found","code":"11","sessionid":"%s"}`, sessionID)
	return false
}

// login opens a session by password; it is the only call without one.
func (c *call) login() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		switch {
		case u.Login != c.form("username"):
		case u.Status != Enabled:
			c.html("%s", fail+`{"response":"Account blocked until: %lu","code":"6"}`)
			return
		case u.Password == c.form("password"):
			key := s.openSession(u, c.form("deviceid"))
			c.html(`{"result":"0","sessionid":"%s","level":"%s","userid":"%d","fullname":"%s","loginid":"%s","username":"%s","uniqueid":"%s","extra":""}`,
				key, strings.ToLower(u.Level), u.ID, u.FullName, key, u.Login, u.UniqueID)
			return
		}
	}
	c.html(fail + `{"response":"Account blocked until: 0","code":"6"}`)
}

func (c *call) validate() { c.html(okay + `{"response":"true"}`) }

func (c *call) logout() {
	s := c.server
	s.mu.Lock()
	delete(s.sessions, c.form("sessionid"))
	s.mu.Unlock()
	c.html(okay + `{"logout":"success"}`)
}

// serviceRequest passes an app's request or event on to the services.
func (c *call) serviceRequest() {
	path, params := c.form("path"), c.form("params")
	switch {
	case path == "" || params == "":
		c.html(fail + `{"response":"Missing parameters: params, path","code":"14"}`)
	case c.form("type") == "1":
		c.server.Event(c.user.UniqueID, path, params)
		c.html(`{"result":0}`)
	default:
		c.html("%s", c.server.Request(c.user.UniqueID, path, params))
	}
}

func (c *call) notifyServer() {
	path := c.form("path")
	if path == "" {
		path = "(null)"
	}
	sent := c.server.notify(c.user.UniqueID, "service/"+path, c.form("msg"))
	c.html(okay+`{"result":%d}`, sent)
}

// numbers reads a list of numeric ids, "4,5".
func numbers(list string) []int {
	var all []int
	for part := range strings.SplitSeq(list, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(part)); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// number reads a numeric field, 0 if it is missing.
func (c *call) number(key string) int {
	n, _ := strconv.Atoi(c.form(key))
	return n
}
