package transport

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
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
	readable(engine, "/healthz", func(c *gin.Context) { plainText(c.Writer, http.StatusOK, "ok") })
	if demo != nil {
		if err := demo.serve(engine); err != nil {
			return nil, err
		}
	}
	return belowToo(proxy, engine), nil
}

// belowToo serves all paths below a folder as well.
func belowToo(folder string, pages http.Handler) http.Handler {
	folder = strings.TrimSuffix(folder, "/")
	if folder == "" {
		return pages
	}
	below := http.StripPrefix(folder, pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, folder+"/") {
			below.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
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
	readable(at, "/demo/*file", func(c *gin.Context) {
		if !local(c) {
			return
		}
		pageHeaders(c)
		name := strings.TrimPrefix(c.Param("file"), "/")
		if name == "users.json" {
			c.JSON(http.StatusOK, users)
			return
		}
		content, err := fs.ReadFile(d.Files, name)
		if err != nil {
			plainText(c.Writer, http.StatusNotFound, "no such file")
			return
		}
		c.Data(http.StatusOK, contentType(name), content)
	})
	return nil
}

// contentType goes by the name of a file.
func contentType(name string) string {
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
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
