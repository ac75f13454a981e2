package transport

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/gin-gonic/gin"
)

// pagePolicy is what pages of ours may do: nothing that is not ours, no scripts in
// the page itself.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// newPages makes what answers plain HTTP requests on the websocket port
// (docs/protocol.md 1.1), below the root and below the proxy path.
func newPages(proxy string, demo *Demo, log *slog.Logger) (http.Handler, error) {
	engine := newEngine(log)
	engine.NoRoute(func(c *gin.Context) {
		plainText(c.Writer, http.StatusNotFound, "nothing here; clients open a websocket")
	})
	places := []gin.IRoutes{engine}
	if below := strings.TrimSuffix(proxy, "/"); below != "" {
		places = append(places, engine.Group(below))
	}
	for _, at := range places {
		readable(at, "/healthz", func(c *gin.Context) { plainText(c.Writer, http.StatusOK, "ok") })
		if demo == nil {
			continue
		}
		if err := demo.serve(at); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// newEngine makes a router that survives its handlers and writes nothing but to log.
func newEngine(log *slog.Logger) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, v any) {
		log.Error("a page failed because of a defect in the program", "path", c.FullPath(), "panic", v, "stack", string(debug.Stack()))
		plainText(c.Writer, http.StatusInternalServerError, "something went wrong here")
	}))
	return engine
}

// readable answers GET and HEAD.
func readable(at gin.IRoutes, path string, answer gin.HandlerFunc) {
	at.Match([]string{http.MethodGet, http.MethodHead}, path, answer)
}

// serve adds the demo page.
func (d *Demo) serve(at gin.IRoutes) error {
	index, err := fs.ReadFile(d.Files, "index.html")
	if err != nil {
		return fmt.Errorf("read the demo page: %w", err)
	}
	readable(at, "/", func(c *gin.Context) {
		if !local(c) {
			return
		}
		pageHeaders(c)
		c.Data(http.StatusOK, "text/html; charset=utf-8", index)
	})
	users := d.users()
	files := http.FS(d.Files)
	readable(at, "/demo/*file", func(c *gin.Context) {
		if !local(c) {
			return
		}
		name := strings.TrimPrefix(c.Param("file"), "/")
		if name == "users.json" {
			pageHeaders(c)
			c.JSON(http.StatusOK, users)
			return
		}
		if info, err := fs.Stat(d.Files, name); err != nil || info.IsDir() {
			plainText(c.Writer, http.StatusNotFound, "no such file")
			return
		}
		pageHeaders(c)
		c.FileFromFS(name, files)
	})
	return nil
}

// local refuses names other than localhost: under one of them a page of somebody
// else could read the demo's users.
func local(c *gin.Context) bool {
	if isHere(c.Request.Host) {
		return true
	}
	plainText(c.Writer, http.StatusForbidden, "the demo is at localhost only")
	return false
}

// demoUser is one whom visitors of the demo can be.
type demoUser struct {
	Login  string `json:"login"`
	Name   string `json:"name"`
	AuthID string `json:"authId"`
}

func (d *Demo) users() []demoUser {
	users := []demoUser{}
	for _, u := range d.Users {
		users = append(users, demoUser{u.Login, u.Name, u.AuthID})
	}
	return users
}

func pageHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// plainText answers with one line.
func plainText(w http.ResponseWriter, status int, line string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, line+"\n") // nobody else to tell
}

// origins are the web pages that may open a websocket.
type origins struct {
	all     bool
	allowed map[string]bool // "https://host:port", lower case
}

func newOrigins(list []string) origins {
	o := origins{allowed: map[string]bool{}}
	for _, s := range list {
		o.all = o.all || s == "*"
		o.allowed[strings.ToLower(strings.TrimSuffix(s, "/"))] = true
	}
	return o
}

// allow lets in listed pages, pages of this very host, and programs, which have no
// origin.
func (o origins) allow(r *http.Request) bool {
	from := strings.ToLower(r.Header.Get("Origin"))
	if from == "" || o.all || o.allowed[from] {
		return true
	}
	page, err := url.Parse(from)
	return err == nil && page.Host != "" && page.Host == strings.ToLower(r.Host)
}
