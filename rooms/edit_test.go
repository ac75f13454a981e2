package rooms

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// edit asks for an edit.
func (p *person) edit(room RoomID, id, text string, reason any) replyFrame {
	p.w.t.Helper()
	return p.ask(room, "chat", "edit-save", map[string]any{"msgId": id, "message": text, "reason": reason})
}

// refusedEdit is the response that refuses an edit, refusedDelete a deletion.
func refusedEdit(code string) string   { return `{"type":"error","data":"` + code + `"}` }
func refusedDelete(code string) string { return `{"type":"error","data":{"error":"` + code + `"}}` }

func (p *person) deletes(room RoomID, id string) replyFrame {
	p.w.t.Helper()
	return p.ask(room, "chat", "delete", map[string]any{"msgId": id})
}

// withAdmin runs a test in a named room of ada, bo and an admin.
func withAdmin(t *testing.T, test func(t *testing.T, w *world, room RoomID, ada, bo, adm *person)) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		adm := w.login("adm")
		ada.add(room, adm)
		ada.take()
		bo.take()
		adm.take()
		test(t, w, room, ada, bo, adm)
	})
}

// TestEditInTime: within the time of grace the author leaves no trace; everybody is
// told before the reply comes.
func TestEditInTime(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		id := bo.said(room, "helo")
		ada.take()
		bo.take()
		w.pass(5*time.Minute - time.Second)
		bo.to(room, "chat", "edit-save", map[string]any{"msgId": id, "message": "hello", "reason": nil}, "r-1")
		msg := w.message(room, id)
		update := `{"type":"update","data":{"type":"msg","data":{"msgId":"` + id + `","roomId":"` + string(room) + `","fromId":"` + string(bo.id) + `","time":` +
			fmt.Sprint(msg.Time) + `,"type":"msg","name":"Bo","message":"hello","statusId":null,"status":"","editId":null,"editBy":null,"editTime":null,"editReason":null}}}`
		inOrder(t, bo.take(), `"type":"chat","data":`+update, `"requestId":"r-1","response":`+update+`,"error":null`)
		ada.got(update)
		if msg.Text != "hello" || msg.EditID != "" {
			t.Errorf("stored is %+v", msg)
		}
		w.pass(2 * time.Second)
		bo.edit(room, id, "later", nil).is(t, refusedEdit("ERR_EDIT_NO_REASON"))
	})
}

// message is the message as it is stored.
func (w *world) message(room RoomID, id string) Message {
	w.t.Helper()
	w.settle()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for _, m := range w.store.messages[room] {
		if m.ID == id {
			return m
		}
	}
	w.t.Fatalf("the message %s is not stored", id)
	return Message{}
}

// TestEditWithReason: later, or by an admin, it leaves a trace.
func TestEditWithReason(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		id := bo.said(room, "one")
		adm.edit(room, id, "two", " by order ").into(t, new(any))
		msg := w.message(room, id)
		bo.got(`"type":"edit","data":{"type":"msg","data":{"msgId":"`+id, `"message":"two"`, `"editId":"`+msg.EditID+`","editBy":"`+string(adm.id)+
			`","editTime":`+fmt.Sprint(nowMillis())+`,"editReason":"by order"`)
		// the author's own edit within the time of grace takes effect behind that (defect 4)
		bo.edit(room, id, "three", nil).is(t, refusedEdit("ERR_EDIT_NO_REASON"))
		bo.edit(room, id, "three", "typo").into(t, new(any))
		if msg := w.message(room, id); msg.Text != "three" || msg.EditBy != bo.id {
			t.Errorf("stored is %+v", msg)
		}
		w.pass(time.Hour)
		bo.edit(room, id, "four", "typo").into(t, new(any))
		ada.got(`"type":"edit"`, `"message":"four"`)
		w.restart()
		_, log := w.login("ada").logAnswer(room, nil)
		if len(log) != 1 || log[0].Text != "four" {
			t.Errorf("the log is %v", log)
		}
	})
}

// TestEditRefused: every row of docs/protocol.md 8.6.
func TestEditRefused(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		id := bo.said(room, "one")
		other := adm.makeRoom("Other")
		foreign := adm.said(other, "elsewhere")
		gone := bo.said(room, "gone")
		adm.deletes(room, gone).into(t, new(any))
		ada.take()
		for _, tc := range []struct {
			who    *person
			id     string
			text   string
			reason any
			code   string
		}{
			{ada, id, "new", "reason", "ERR_EDIT_NOT_ALLOWED"}, // the owner is no admin
			{adm, id, "new", nil, "ERR_EDIT_NO_REASON"},
			{adm, id, "new", "", "ERR_EDIT_NO_REASON"},
			{adm, id, "new", "  ", "ERR_EDIT_NO_REASON"},
			{adm, id, "new", 7, "ERR_EDIT_INVALID_REASON"},
			{adm, id, "new", []string{"x"}, "ERR_EDIT_INVALID_REASON"},
			{adm, id, "new", strings.Repeat("x", 1001), "ERR_EDIT_INVALID_REASON"},
			{adm, id, "", "reason", "ERR_INVALID_MESSAGE"},
			{bo, id, strings.Repeat("x", 32<<10+1), nil, "ERR_MESSAGE_TOO_LONG"},
			{adm, "msg-unknown", "new", "reason", "ERR_EVENT_NOT_FOUND"},
			{adm, "", "new", "reason", "ERR_EVENT_NOT_FOUND"},
			{adm, strings.Repeat("x", 5000), "new", "reason", "ERR_EVENT_NOT_FOUND"},
			{adm, foreign, "new", "reason", "ERR_EVENT_NOT_FOUND"}, // of another room (defect 3)
			{bo, gone, "new", "reason", "ERR_EVENT_NOT_FOUND|ERR_EDIT_NOT_ALLOWED"},
			{adm, gone, "new", "reason", "ERR_EVENT_NOT_FOUND|ERR_EDIT_NOT_ALLOWED"},
		} {
			got := string(tc.who.edit(room, tc.id, tc.text, tc.reason).Response)
			allowed := strings.Split(tc.code, "|")
			if !slices.ContainsFunc(allowed, func(code string) bool { return got == refusedEdit(code) }) {
				t.Errorf("%.20s %.20s %v: got %s, want %s", tc.id, tc.text, tc.reason, got, tc.code)
			}
			tc.who.take()
		}
		ada.gotNone(`"type":"edit"`)
		ada.gotNone(`"type":"update"`)
		if got := w.message(other, foreign).Text; got != "elsewhere" {
			t.Errorf("a message of another room is %q now", got)
		}
	})
}

func TestEditWhileDatabaseIsAway(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, bo *person) {
		id := bo.said(room, "one")
		ada.take()
		w.store.setFault(errAway)
		bo.edit(room, id, "two", nil).is(t, refusedEdit("ERR_UPDATE_FAILED"))
		w.pass(time.Hour)
		bo.edit(room, id, "two", "reason").is(t, refusedEdit("ERR_EDIT_FAILED"))
		bo.edit(room, "msg-old", "two", "reason").is(t, refusedEdit("ERR_UPDATE_FAILED"))
		ada.gotNone("two")
		w.store.setFault(nil)
		if _, log := ada.logAnswer(room, nil); log[0].Text != "one" {
			t.Errorf("the log has %v", log)
		}
	})
}

// TestEditOfAnOldMessage leaves the log in memory without gaps (defect 5).
func TestEditOfAnOldMessage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, adm := w.login("ada"), w.login("adm")
		room := ada.makeRoom("Road map")
		ada.add(room, adm)
		all := w.fillLog(room, 200, 10)
		adm = w.login("adm")
		adm.edit(room, all[3].ID, "edited", "reason").into(t, new(any))
		adm.ask(room, "chat", "msg-get", map[string]any{"msgId": all[3].ID}).into(t, new(any))
		_, log := adm.logAnswer(room, nil)
		if want := all[200-tailLoaded:]; !slices.Equal(texts(log), texts(want)) {
			t.Errorf("the newest page is %q", texts(log))
		}
		if _, log := adm.logAnswer(room, map[string]any{"lastTime": all[0].Time, "length": 5}); log[3].Text != "edited" {
			t.Errorf("the page is %q", texts(log))
		}
	})
}

func TestEditInATemporaryRoom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, adm := w.login("ada"), w.login("adm")
		room := adm.makeRoom("")
		adm.add(room, ada)
		id := ada.said(room, "one")
		ada.edit(room, id, "two", nil).into(t, new(any))
		adm.edit(room, id, "three", "reason").into(t, new(any))
		ada.ask(room, "chat", "edit-get", map[string]any{"msgId": "msg-unknown"}).is(t, "null")
		if _, log := ada.logAnswer(room, nil); len(log) != 1 || log[0].Text != "three" {
			t.Errorf("the log is %v", log)
		}
		adm.deletes(room, id).is(t, `{"type":"delete","data":{"msgId":"`+id+`"}}`)
		if _, log := ada.logAnswer(room, nil); len(log) != 0 {
			t.Errorf("the log is %v", log)
		}
	})
}

// TestGetMessage: msg-get and edit-get answer one message of the room, or null.
func TestGetMessage(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		id, gone := bo.said(room, "one"), bo.said(room, "secret")
		foreign := adm.said(adm.makeRoom("Other"), "elsewhere")
		adm.deletes(room, gone).into(t, new(any))
		for _, restarted := range []bool{false, true} {
			for _, typ := range []string{"msg-get", "edit-get"} {
				get := func(id string) string {
					return string(ada.ask(room, "chat", typ, map[string]any{"msgId": id}).Response)
				}
				if got := get(id); !strings.HasPrefix(got, `{"type":"msg","data":{"msgId":"`+id) || !strings.Contains(got, `"message":"one"`) {
					t.Errorf("%s answers %s", typ, got)
				}
				if got := get(gone); strings.Contains(got, "secret") || !strings.Contains(got, `"status":"delete"`) {
					t.Errorf("%s of a deleted message answers %s", typ, got)
				}
				if got := get(foreign) + get("msg-unknown"); got != "nullnull" {
					t.Errorf("%s of others answers %s", typ, got)
				}
			}
			if !restarted {
				w.restart()
				ada = w.login("ada")
			}
		}
		w.store.failOnly("Message")
		ada.ask(room, "chat", "msg-get", map[string]any{"msgId": "msg-old"}).fails(t, "ERR_LOG_FAILED")
	})
}

// TestUnaskedReadsAreFree: without a requestId nobody would hear the answer.
func TestUnaskedReadsAreFree(t *testing.T) {
	inRoom(t, func(t *testing.T, w *world, room RoomID, ada, _ *person) {
		ada.to(room, "chat", "msg-get", map[string]any{"msgId": "msg-old"}, "")
		ada.to(room, "chat", "search", map[string]any{"text": "hello"}, "")
		w.settle()
		if n := w.store.count("Message") + w.store.count("Search"); n != 0 {
			t.Errorf("the database was asked %d times", n)
		}
	})
}

// TestDelete: told without the text, then the message that is the newest now, then the
// reply.
func TestDelete(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		first, second, third := bo.said(room, "first"), bo.said(room, "second"), bo.said(room, "third")
		ada.take()
		adm.take()
		adm.to(room, "chat", "delete", map[string]any{"msgId": third}, "r-1")
		frames := adm.take()
		inOrder(t, frames, `"type":"remove","data":{"type":"msg","data":{"msgId":"`+third, `"type":"last-message","data":{"type":"msg","data":{"msgId":"`+second,
			`"requestId":"r-1","response":{"type":"delete","data":{"msgId":"`+third+`"}},"error":null`)
		if index(frames, `"third"`) >= 0 || index(frames, `"message":"","statusId":"delete-`, `"status":"delete"`) < 0 {
			t.Errorf("the admin got %q", frames)
		}
		adm.deletes(room, first).into(t, new(any))
		ada.gotNone("last-message", first) // it was not the newest
		if _, log := ada.logAnswer(room, nil); len(log) != 1 || log[0].ID != second {
			t.Errorf("the log is %v", log)
		}
		if got := ada.unread(room); got != "1" {
			t.Errorf("ada has %s unread", got)
		}
		ada.take()
		adm.deletes(room, second).into(t, new(any))
		ada.gotNone("last-message") // none is left
		if _, log := ada.logAnswer(room, nil); log == nil || len(log) != 0 {
			t.Errorf("the log is %v", log)
		}
	})
}

func TestDeleteRefused(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		id := bo.said(room, "one")
		foreign := adm.said(adm.makeRoom("Other"), "elsewhere")
		bo.deletes(room, id).is(t, refusedDelete("ERR_NOT_ADMIN"))
		ada.deletes(room, id).is(t, refusedDelete("ERR_NOT_ADMIN"))
		for _, unknown := range []string{"msg-unknown", "", foreign, strings.Repeat("x", 5000)} {
			adm.deletes(room, unknown).is(t, refusedDelete("ERR_NO_MESSAGE"))
		}
		ada.take()
		w.store.failOnly("DeleteMessage")
		adm.deletes(room, id).is(t, refusedDelete("ERR_DELETE_FAIL"))
		w.store.failOnly("Message")
		adm.deletes(room, "msg-old").is(t, refusedDelete("ERR_DELETE_FAIL"))
		w.store.setFault(nil)
		ada.gotNone(`"type":"remove"`)
		adm.deletes(room, id).into(t, new(any))
		adm.deletes(room, id).is(t, refusedDelete("ERR_NO_MESSAGE"))
	})
}

// TestDeleteAllInMemory: the log goes on with what only the database has.
func TestDeleteAllInMemory(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, adm := w.login("ada"), w.login("adm")
		room := ada.makeRoom("Road map")
		ada.add(room, adm)
		all := w.fillLog(room, 100, 10)
		adm = w.login("adm")
		adm.take()
		for n := 99; n >= 100-tailLoaded-5; n-- {
			adm.to(room, "chat", "delete", map[string]any{"msgId": all[n].ID}, "")
			adm.got(`"type":"last-message"`, `"`+all[n-1].ID+`"`)
		}
		_, log := adm.logAnswer(room, nil)
		if len(log) == 0 || log[len(log)-1].ID != all[64].ID {
			t.Errorf("the newest page is %q", texts(log))
		}
		if s := adm.state(room); s.Relation.LastMessage == nil {
			t.Error("the state has no last message")
		}
	})
}

// TestDeleteAllWhileDatabaseIsAway: the log is read when somebody asks for it.
func TestDeleteAllWhileDatabaseIsAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, adm := w.login("ada"), w.login("adm")
		room := ada.makeRoom("Road map")
		ada.add(room, adm)
		all := w.fillLog(room, 50, 10)
		adm = w.login("adm")
		w.store.failOnly("Page")
		for n := 49; n >= 50-tailLoaded; n-- {
			adm.deletes(room, all[n].ID).into(t, new(any))
		}
		w.store.setFault(nil)
		if _, log := adm.logAnswer(room, nil); len(log) != 20 || log[19].ID != all[19].ID {
			t.Errorf("the newest page is %q", texts(log))
		}
	})
}

// TestDeletedMessagesStayHidden, whatever the client asks for (defect 6).
func TestDeletedMessagesStayHidden(t *testing.T) {
	withAdmin(t, func(t *testing.T, w *world, room RoomID, ada, bo, adm *person) {
		gone := bo.said(room, "secret")
		bo.said(room, "open")
		adm.deletes(room, gone).into(t, new(any))
		for range 2 {
			for _, p := range []*person{bo, adm} {
				for _, data := range []map[string]any{
					{"includeDeleted": true}, {"lastTime": 1, "includeDeleted": true}, {"firstTime": 1 << 50, "includeDeleted": true},
				} {
					p.take()
					p.to(room, "chat", "log", data, "")
					if frame := p.got(`"type":"log"`); strings.Contains(frame, gone) || strings.Contains(frame, "secret") {
						t.Errorf("%v shows %s", data, frame)
					}
				}
			}
			w.restart()
			bo, adm = w.login("bo"), w.login("adm")
		}
	})
}

// TestUnreadOfDeletedMessages: they are not counted, in memory or not.
func TestUnreadOfDeletedMessages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ada, bo, adm := w.login("ada"), w.login("bo"), w.login("adm")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		ada.add(room, adm)
		all := w.fillLog(room, 200, 10)
		bo, adm = w.login("bo"), w.login("adm")
		if got := bo.unread(room); got != "200" {
			t.Fatalf("%s unread", got)
		}
		adm.deletes(room, all[10].ID).into(t, new(any)) // in the database only
		adm.deletes(room, all[195].ID).into(t, new(any))
		if got := bo.unread(room); got != "198" {
			t.Errorf("%s unread, want 198", got)
		}
		adm.say(room, "one more")
		if got := bo.unread(room); got != "199" {
			t.Errorf("%s unread, want 199", got)
		}
		bo.confirm(room, all[99].ID)
		if got := bo.unread(room); got != "100" {
			t.Errorf("%s unread behind the middle, want 100", got)
		}
		bo.confirm(room, all[199].ID)
		if got := bo.unread(room); got != "1" {
			t.Errorf("%s unread behind the last, want 1", got)
		}
		adm.deletes(room, all[150].ID).into(t, new(any)) // is read already
		if got := bo.unread(room); got != "1" {
			t.Errorf("%s unread, want 1", got)
		}
		w.restart()
		w.login("adm") // so that the room is in memory, read for somebody else
		if got := w.login("bo").unread(room); got != "1" {
			t.Errorf("%s unread after a restart, want 1", got)
		}
	})
}

// TestWhoRemovedWhatIsLogged, so that it can be found out later (defect 38).
func TestWhoRemovedWhatIsLogged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var log bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.restart()
		ada, bo := w.login("ada"), w.login("bo")
		room := ada.makeRoom("Road map")
		ada.add(room, bo)
		token := ada.privateToken(room)
		ada.ask(room, "invite", "revoke", token).is(t, "null")
		ada.set(room, "authorized", map[string]any{"clientId": bo.id}).into(t, new(any))
		ada.ask(room, "", "leave", nil).is(t, "null")
		w.settle()
		for _, parts := range [][]string{
			{"invite token revoked", "kind=private", "account=" + string(ada.id), string(room)},
			{"member removed", "member=" + string(bo.id), "account=" + string(ada.id), string(room)},
			{"room removed", string(room)},
		} {
			if index(strings.Split(log.String(), "\n"), parts...) < 0 {
				t.Errorf("no line with %q in\n%s", parts, log.String())
			}
		}
		if strings.Contains(log.String(), token) {
			t.Error("a token is in the log")
		}
	})
}
