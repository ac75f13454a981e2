package friendcore

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseFrame(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want any
	}{
		{`{"type":"authenticate","data":{"status":0 }}`, accepted{}},
		{`{"type":"authenticate","data":{"status":3}}`, refused{3, "authenticate was answered with a status"}},
		{`{"type":"authenticate"}`, unknown{"an answer to authenticate without a status"}},
		{`{"type":"error","data":{"status":4,"message":"Authentication failed"}}`, refused{4, "Authentication failed"}},
		{`{"type":"pong","data":"12"}`, pong{"12"}},
		{`{"type":"pong","data":12}`, pong{"12"}},
		{`{"type":"reply","data":{"requestId":"R","result":[]}}`, reply{id: "R", result: json.RawMessage("[]")}},
		{`{"type":"reply","data":{"requestId":"R","error":"no"}}`, reply{id: "R", failed: "no"}},
		{`{"type":"reply","data":{"requestId":"R","result":"ok","error":0}}`, reply{id: "R", result: json.RawMessage(`"ok"`)}},
		{`{"type":"reply","data":{"requestId":"R","result":"ok","error":7}}`, reply{id: "R", result: json.RawMessage(`"ok"`), status: "7"}},
		{`{"type":"service","data":{"type":"notification","data":{"status":0}}}`, pushed{}},
		{`{"type":"service","data":{"type":"notification","data":{"status":-3}}}`, pushed{status: "-3"}},
		{`{"type":"service","data":{"type":"notification","data":{}}}`, unknown{"a reply to a notification without a status"}},
		{`{"type":"reply","data":{"result":[]}}`, unknown{"a reply without a request id"}},
		{"\"data\":{\"requestid\":\"R\",\"error\":\"User not found\"}}\x00\x13!\xa4mU\x00", reply{id: "R", failed: "User not found"}},
		{`{"type":"reply","data":{"requestId":"R","result":{"broken`, reply{id: "R", failed: "the reply is damaged"}},
		{`{"type":"service","data":{"type":"user","data":{"type":"update","data":{"userid":"U","isdisabled","true"}}}}`,
			event{subject: "user", name: "update", userID: "U", damaged: true}},
		{`{"type":"service","data":{"type":"group","data":{"type":"setusers","data":{"groupid":5,"userids":[{"id":"4"}"U1"]}}}}`,
			event{subject: "group", name: "setusers", damaged: true}},
		{`{"type":"service","data":{"type":"user","data":{"type":"create"}}}`, event{subject: "user", name: "create", damaged: true}},
		{`{"type":"service","data":{"type":"room","data":{}}}`, unknown{"an event about something unknown"}},
		{`{"type":"service"}`, unknown{"an event about something unknown"}},
		{`{}`, unknown{"a message of unknown type"}},
		{`null`, garbage{}},
		{``, garbage{}},
		{"\xff\xfe\x00", garbage{}},
		{`{"type":"pong","data":"1"}{"type":"pong","data":"2"}`, garbage{}},
		{strings.Repeat(`{"data":`, 20000), garbage{}},
		// The first of equal keys counts.
		{`{"type":"pong","data":"1","type":"error","data":"2"}`, pong{"1"}},
		{`{"originUserId":"U","path":"service//room/get","requestId":"E1","data":"r"}`,
			appRequest{origin: "U", path: []string{"service", "room", "get"}, id: "E1", data: json.RawMessage(`"r"`)}},
		{`{"originUserId":"U","path":"service/(null)","data":{}}`,
			appRequest{origin: "U", path: []string{"service", "(null)"}, data: json.RawMessage(`{}`)}},
		{`{"originUserId":"U","path":"service/room","requestId":"E1","data":room-1}`, appRequest{id: "E1", damaged: true}},
		{`{"originUserId":"U","path":"service/room","requestId":"E1","data":{},"requestId":"E2"}`, appRequest{id: "E1", damaged: true}},
		{`{"originUserId":"U","path":"service/x","originUserId":"root","data":{}}`, appRequest{damaged: true}},
		{`{"originUserId":"U","requestId":"E1","path":"service/x","data":{}}`, appRequest{id: "E1", damaged: true}},
		{`{"originUserId":"a b","path":"service/room","requestId":"E1","data":{}}`, appRequest{id: "E1", damaged: true}},
		{`{"originUserId":"","path":"service/room","requestId":"E1","data":{}}`,
			appRequest{path: []string{"service", "room"}, id: "E1", data: json.RawMessage(`{}`)}},
		{`{"path":"service/room","requestId":"E1"}`,
			appRequest{path: []string{"service", "room"}, id: "E1", data: json.RawMessage(`null`)}},
		{`{"originUserId":"U","requestId":"E1","data":{}}`, appRequest{id: "E1", damaged: true}},
		{`{"path":"service/room","requestId":"E1","data":{},"originUserId":"U"}`, appRequest{id: "E1", damaged: true}},
		{`{"originUserId":"U"`, appRequest{damaged: true}},
	} {
		got, _ := parseFrame([]byte(c.raw))
		if e, ok := got.(event); ok {
			e.data = nil
			got = e
		}
		if diff := cmp.Diff(fmt.Sprintf("%#v", c.want), fmt.Sprintf("%#v", got)); diff != "" {
			t.Errorf("%.80s (-want +got):\n%s", c.raw, diff)
		}
	}
}

func TestRepairNames(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{"name":"ev"e","groups":[2]}`, `{"name":"ev\"e","groups":[2]}`},
		{`{"id":7,"name":"Quote "Q" \ group"}`, `{"id":7,"name":"Quote \"Q\" \\ group"}`},
		{`[{"name":"a"}b","type":"W"},{"name":"c","type":"W"}]`, `[{"name":"a\"}b","type":"W"},{"name":"c","type":"W"}]`},
		{`{"name":"a","b","fullname":""x"","email":"\","groups":[]}`, `{"name":"a\",\"b","fullname":"\"x\"","email":"\\","groups":[]}`},
		{"{\"name\":\"line\nend\x01\xff\"}", `{"name":"line\u000aend\u0001` + "\ufffd" + `"}`},
		{`{"name":""}`, `{"name":""}`},
		{`{"name":"no end`, ``},
		{`{"id":7}`, ``},
		{``, ``},
	} {
		got, ok := repairNames([]byte(c.raw))
		if ok != (c.want != "") || ok && string(got) != c.want {
			t.Errorf("%q: %q, %t; want %q", c.raw, got, ok, c.want)
		}
	}
}

// TestNamesCannotForge shows that a full name, which any user can choose, does not
// change what is read of him beside that name.
func TestNamesCannotForge(t *testing.T) {
	for _, name := range []string{
		`X","userid":"root","name":"fadmin","isdisabled":false,"email":"`,
		`X"},"requestId":"other","x":{"a":"`,
		`X","groups":[1],"name":"fadmin`,
		"X\"\n,\"name\":\"fadmin\",\"groups\":[1],\"",
	} {
		raw := `{"type":"reply","data":{"requestId":"R","result":{"userid":"U","name":"mallory","lastupdate":7,"isdisabled":true,"fullname":"` +
			name + `","groups":[2]}}}`
		f, _ := parseFrame([]byte(raw))
		r, ok := f.(reply)
		if !ok || r.id != "R" {
			t.Errorf("%s: %#v", name, f)
			continue
		}
		if r.failed != "" {
			continue // unreadable is safe
		}
		u, err := readUser(r.result, listedUser{id: "U"})
		if err == nil && (u.Login != "mallory" || !u.Disabled) {
			t.Errorf("%s: read as %+v", name, u)
		}
	}
}

func TestReadLists(t *testing.T) {
	users, skipped, err := readUserList(json.RawMessage(`[{"userid":"A","lastupdate":3},{"userid":"A","lastupdate":9},{"userid":"B","isdisabled":true},
		{"userid":""},{"userid":"\u001b\u00ff"},7,null,{"userid":["x"]},{"userid":"C","lastupdate":"5"}]`))
	if diff := cmp.Diff([]listedUser{{"A", false, 3}, {"B", true, 0}, {"C", false, 5}}, users, cmp.AllowUnexported(listedUser{})); diff != "" || skipped != 6 || err != nil {
		t.Errorf("users: skipped %d, %v\n%s", skipped, err, diff)
	}
	for _, bad := range []string{`[]`, `{}`, `null`, `"x"`, `[{}]`, ``} {
		if _, _, err := readUserList(json.RawMessage(bad)); err == nil {
			t.Errorf("a list of users %q was taken", bad)
		}
	}
	groups, skipped, err := readGroupList(json.RawMessage(`[{"id":4,"uuid":"G4","name":"Staff","type":"Workgroup","parentid":0,"userids":["A","A","",7,"B"]},
		{"id":4,"uuid":"G9","name":"Again","type":"Workgroup","parentid":0,"userids":[]},{"id":5,"uuid":"G5","name":"","type":"Workgroup"},
		{"id":-1,"uuid":"G6","name":"x"},{"id":7,"uuid":"G7","name":"Level","type":"Level"},{"id":8,"uuid":"G8","name":"Child","parentid":4,"userids":[]},
		{"id":9,"uuid":"G9","name":"Odd","userids":"x"}]`))
	if err != nil || skipped != 5 || len(groups) != 2 {
		t.Fatalf("groups: %v, skipped %d, %v", groups, skipped, err)
	}
	if g := groups[0]; g.ID != "4" || g.ParentID != "" || g.Name != "Staff" || strings.Join(g.Members, " ") != "A B" {
		t.Errorf("group %+v", g)
	}
	if g := groups[1]; g.ParentID != "4" || g.Members == nil {
		t.Errorf("group %+v", g)
	}
	if groups, _, err := readGroupList(json.RawMessage(`[]`)); err != nil || len(groups) != 0 {
		t.Errorf("an empty list of groups: %v, %v", groups, err)
	}
}

func FuzzParseFrame(f *testing.F) {
	files, err := filepath.Glob("friendcoretest/testdata/*-ws-*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var recording struct {
			Steps []struct{ Frames []struct{ Text string } }
		}
		if err := json.Unmarshal(text, &recording); err != nil {
			f.Fatal(err)
		}
		for _, s := range recording.Steps {
			for _, frame := range s.Frames {
				f.Add([]byte(frame.Text))
			}
		}
	}
	f.Add([]byte(`{"originUserId":"U","path":"service/room","requestId":"E","data":x}`))
	f.Add([]byte(`{"type":"service","data":{"type":"user","data":{"type":"relation-add","data":{"sourceId":"a","contactIds":["b","c",d]}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, _ := parseFrame(raw)
		switch got := got.(type) {
		case reply:
			if got.id == "" || (got.failed == "") == (got.result == nil) {
				t.Errorf("a reply that is neither: %#v", got)
			}
			readUserList(got.result)
			readGroupList(got.result)
			if u, err := readUser(got.result, listedUser{id: "U"}); err == nil && u.ID != "U" {
				t.Errorf("somebody else was read: %+v", u)
			}
		case event:
			r := got.relation
			if len(r.contacts) > 0 && (got.name != relationAdd || got.subject != "user" ||
				strings.Contains(string(raw), `"originUserId":`) && got.damaged) {
				t.Errorf("a relation out of nothing: %#v", got)
			}
			for _, id := range r.contacts {
				if !usableID(id) || id == r.source {
					t.Errorf("contact %q of %q", id, r.source)
				}
			}
		case appRequest:
			if got.id != "" && !usableID(got.id) || !got.damaged && !usableID(got.origin) {
				t.Errorf("an unusable id: %#v", got)
			}
		}
		if mended, ok := repairNames(raw); ok && json.Valid(raw) && !strings.ContainsAny(string(raw), `\`) &&
			!json.Valid(mended) {
			t.Errorf("a sound frame was broken: %s", mended)
		}
	})
}
