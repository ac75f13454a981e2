package transport

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// documented reads the table in the comment of Metrics: name and labels.
func documented(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "metrics.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	row := regexp.MustCompile(`(?m)^\s*(presence_\w+)(?:\{(\w+)\})?(?:\s|$)`)
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || len(gen.Specs) != 1 {
			continue
		}
		if spec, ok := gen.Specs[0].(*ast.TypeSpec); ok && spec.Name.Name == "Metrics" {
			for _, m := range row.FindAllStringSubmatch(gen.Doc.Text(), -1) {
				table[m[1]] = m[2]
			}
		}
	}
	return table
}

// TestMetricsTable: the table in the source is what is registered.
func TestMetricsTable(t *testing.T) {
	m := NewMetrics()
	m.watchSessions(func() int { return 0 })
	number, total := func() int { return 1 }, func() uint64 { return 1 }
	m.Watch(Sources{
		Rooms: number, Accounts: number, ChatMessages: total, ChatMessagesFailed: total, RoomPanics: total, Queries: total,
		FriendCoreUp: func() bool { return true },
		SyncErrors:   total, NotificationsSent: total, NotificationsLost: total,
		Calls: number, Peers: number, Relayed: total, TURN: newTestTURN(t, nil),
	})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	registered := map[string]string{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "presence_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		registered[f.GetName()] = strings.Join(labels, ",")
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
	}
	table := documented(t)
	if !maps.Equal(table, registered) {
		t.Errorf("documented %v\nregistered %v", slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(registered)))
	}
	if len(table) < 15 {
		t.Errorf("only %d rows were found: the test does not read the table", len(table))
	}
}

// TestSourcesAreOptional: functions that are nil are left out.
func TestSourcesAreOptional(t *testing.T) {
	m := NewMetrics()
	m.Watch(Sources{FriendCoreUp: func() bool { return false }})
	w := &world{t: t, metrics: m}
	if v := w.value("presence_friendcore_up"); v != 0 {
		t.Errorf("up is %v", v)
	}
	families, _ := m.registry.Gather()
	for _, f := range families {
		if f.GetName() == "presence_rooms" {
			t.Error("a figure without a source is shown")
		}
	}
}

// TestConnectionMetrics: what is open, what was sent.
func TestConnectionMetrics(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ada, bo := w.login("ada", overWS), w.login("bo", overTCP)
		w.deliver(`{"n":1}`, "acc-ada", "acc-bo")
		ada.want(ada.event(`{"n":1}`))
		bo.want(bo.event(`{"n":1}`))
		ada.send(`nonsense`, `{"type":"x"}`, `{"type":"msg","data":{"type":"acc-bo","data":{}}}`, `5`, `{"type":"authenticate"}`)
		synctest.Wait()
		for _, c := range []struct {
			name, label string
			want        float64
		}{
			{"presence_connections", "transport=ws", 1},
			{"presence_connections", "transport=tcp", 1},
			{"presence_connections_total", "transport=ws", 1},
			{"presence_sessions", "", 2},
			{"presence_messages_in_total", "", 2*2 + 5},
			{"presence_messages_out_total", "", 2 * 6},
			{"presence_drops_total", "reason=syntax", 1},
			{"presence_drops_total", "reason=shape", 1},
			{"presence_drops_total", "reason=type", 1},
			{"presence_drops_total", "reason=address", 1},
			{"presence_drops_total", "reason=stage", 1},
		} {
			var labels []string
			if c.label != "" {
				labels = []string{c.label}
			}
			if got := w.value(c.name, labels...); got != c.want {
				t.Errorf("%s %s is %v, want %v", c.name, c.label, got, c.want)
			}
		}
		ada.leave()
		bo.lose()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for _, transport := range []string{overWS, overTCP} {
			if got := w.value("presence_connections", "transport="+transport); got != 0 {
				t.Errorf("%v connections are left", got)
			}
		}
	})
}
