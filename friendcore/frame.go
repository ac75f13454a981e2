package friendcore

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// frame is a message of FriendCore, taken apart: one of the types below.
type frame any

type (
	// accepted is the answer to authenticate.
	accepted struct{}
	// refused is an error frame; it names no request.
	refused struct {
		status  int64
		message string
	}
	pong  struct{ data string }
	reply struct {
		id     string
		result json.RawMessage // nil if failed is set
		failed string          // why there is no result
		status string          // FriendCore's number for what went wrong in spite of a result
	}
	// pushed is the reply to a notification without its id, as a FriendCore sends it
	// that was built to notify users one after another.
	pushed reply
	// event says that a user or a group changed. With damaged set, data is nil;
	// userID may have been found all the same.
	event struct {
		subject, name string
		data          object
		userID        string
		relation      relation // of user relation-add
		damaged       bool
	}
	// appRequest comes from an app. With damaged set, data and path are empty.
	appRequest struct {
		origin  string
		path    []string
		id      string // empty: an event, nobody waits for an answer
		data    json.RawMessage
		damaged bool
	}
	// unknown is JSON that means nothing to us.
	unknown struct{ why string }
	// garbage is not JSON, and nobody can say what it was meant to be.
	garbage struct{}
)

// parseFrame reads one message of FriendCore, damaged as it may be
// (docs/protocol.md 12.2 to 12.5). repaired says that names had to be mended.
func parseFrame(raw []byte) (f frame, repaired bool) {
	raw = bytes.TrimSpace(raw)
	if bytes.HasPrefix(raw, []byte(`{"originUserId"`)) || bytes.HasPrefix(raw, []byte(`{"path"`)) {
		return parseAppRequest(raw), false
	}
	if o, err := parseObject(raw); err == nil {
		return readFrame(o), false
	}
	if mended, ok := repairNames(raw); ok {
		if o, err := parseObject(mended); err == nil {
			return readFrame(o), true
		}
	}
	return salvage(raw), false
}

func readFrame(o object) frame {
	if o.get("originUserId") != nil {
		return unknown{"a message of an app in a form that FriendCore does not write"}
	}
	data := o.child("data")
	switch kind := o.text("type"); kind {
	case "authenticate":
		status, said := data.scalar("status")
		if !said {
			return unknown{"an answer to authenticate without a status"}
		}
		if status == "0" {
			return accepted{}
		}
		return refused{data.number("status"), "authenticate was answered with a status"}
	case "error":
		return refused{data.number("status"), printable(data.text("message"))}
	case "pong":
		return pong{o.text("data")}
	case "reply":
		return readReply(data)
	case "service":
		return readEvent(data)
	default:
		return unknown{"a message of unknown type"}
	}
}

// readReply takes the id in either spelling.
func readReply(data object) frame {
	id := data.text("requestId")
	if id == "" {
		id = data.text("requestid")
	}
	switch result := data.get("result"); {
	case id == "":
		return unknown{"a reply without a request id"}
	case result != nil:
		r := reply{id: id, result: result}
		if status, said := data.scalar("error"); said && status != "0" {
			r.status = printable(status)
		}
		return r
	default:
		return reply{id: id, failed: reason(data.text("error"))}
	}
}

func readEvent(data object) frame {
	e := event{subject: data.text("type")}
	inner := data.child("data")
	e.name = inner.text("type")
	e.data = inner.child("data")
	e.userID = e.data.text("userid")
	if data.get("originUserId") != nil || inner.get("originUserId") != nil || e.data.get("originUserId") != nil {
		return unknown{"an event that an app made up"}
	}
	if e.subject == "notification" {
		return readPushed(inner)
	}
	if e.subject != "user" && e.subject != "group" {
		return unknown{"an event about something unknown"}
	}
	e.damaged = e.data == nil
	if e.subject == "user" && e.name == relationAdd {
		e.relation = readRelation(e.data)
	}
	return e
}

func readPushed(data object) frame {
	status, said := data.scalar("status")
	switch {
	case !said:
		return unknown{"a reply to a notification without a status"}
	case status == "0":
		return pushed{}
	default:
		return pushed{status: printable(status)}
	}
}

// failure is why a reply is none of success, empty if it is one.
func (r reply) failure() string {
	if r.failed == "" && r.status != "" {
		return "error " + r.status
	}
	return r.failed
}

// aboutPush says whether an error can only be about a notification.
func (r refused) aboutPush() bool { return r.status == 3 || r.status == 6 }

// maxAppRequest bounds requests of apps, in bytes.
const maxAppRequest = 1 << 20

// parseAppRequest reads a request of an app. Its text was put there by the app's
// user, hence only the form that FriendCore writes is taken: another order, or a
// key twice, would let a user speak for somebody else (docs/protocol.md 12.3).
func parseAppRequest(raw []byte) frame {
	if len(raw) > maxAppRequest {
		return damagedRequest(raw)
	}
	o, err := parseObject(raw)
	if err != nil || !inOrder(o, "originUserId", "path", "requestId", "data") || o.get("path") == nil {
		return damagedRequest(raw)
	}
	r := appRequest{origin: o.text("originUserId"), id: o.text("requestId"), data: o.get("data")}
	r.path = strings.FieldsFunc(o.text("path"), func(c rune) bool { return c == '/' })
	if r.origin != "" && !usableID(r.origin) || o.get("requestId") != nil && !usableID(r.id) {
		return damagedRequest(raw)
	}
	if r.data == nil {
		r.data = json.RawMessage("null")
	}
	return r
}

// inOrder says whether an object has no other keys than these, in this order, each
// at most once.
func inOrder(o object, keys ...string) bool {
	for _, f := range o {
		at := slices.Index(keys, f.key)
		if at < 0 {
			return false
		}
		keys = keys[at+1:]
	}
	return true
}

var requestIDPattern = regexp.MustCompile(`"requestId":"([!#-\[\]-~]{1,191})"`)

// damagedRequest finds the id of a request, so that the app does not wait half a
// minute for an answer. The first one counts: FriendCore writes it before the
// app's parameters.
func damagedRequest(raw []byte) frame {
	r := appRequest{damaged: true}
	if m := requestIDPattern.FindSubmatch(raw); m != nil {
		r.id = string(m[1])
	}
	return r
}

var (
	lostUserPattern = regexp.MustCompile(`^"data":\{"requestid":"([!#-\[\]-~]{1,191})","error":"([^"]*)"`)
	replyPattern    = regexp.MustCompile(`^\{"type":"reply","data":\{"request[iI]d":"([!#-\[\]-~]{1,191})"`)
	eventPattern    = regexp.MustCompile(`^\{"type":"service","data":\{"type":"(user|group)","data":\{"type":"([a-z-]{1,32})"`)
	userIDPattern   = regexp.MustCompile(`"userid":"([!#-\[\]-~]{1,191})"`)
)

// salvage finds out what a frame that cannot be read was meant to be. The
// patterns begin at the frame's start, where no user's text can stand.
func salvage(raw []byte) frame {
	if m := lostUserPattern.FindSubmatch(raw); m != nil {
		return reply{id: string(m[1]), failed: reason(string(m[2]))}
	}
	if m := replyPattern.FindSubmatch(raw); m != nil {
		return reply{id: string(m[1]), failed: "the reply is damaged"}
	}
	if m := eventPattern.FindSubmatch(raw); m != nil {
		e := event{subject: string(m[1]), name: string(m[2]), damaged: true}
		if u := userIDPattern.FindSubmatch(raw); u != nil && e.subject == "user" {
			e.userID = string(u[1])
		}
		if e.subject == "user" && e.name == relationAdd {
			e.relation = salvageRelation(raw)
		}
		return e
	}
	return garbage{}
}

// reason bounds an error text of FriendCore.
func reason(text string) string {
	if text = printable(text); text == "" {
		return "no result"
	}
	return text
}

// printable is a text of FriendCore's as it may stand in a log.
func printable(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
