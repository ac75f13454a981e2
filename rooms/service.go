package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Requests of FriendCore's apps (docs/protocol.md 12.3): any Friend user may make
// them, so each looks at who asks.

// serviceHandlers answer the requests below "room".
var serviceHandlers = map[string]func(*Hub, context.Context, *identity, json.RawMessage) (any, error){
	"create":       (*Hub).serviceCreate,
	"update":       (*Hub).serviceUpdate,
	"remove":       (*Hub).serviceRemove,
	"delete":       (*Hub).serviceDelete,
	"get":          (*Hub).serviceGet,
	"isUserInRoom": (*Hub).serviceIsUserInRoom,
}

// ServiceRequest answers a request; origin is FriendCore's id of the user who makes
// it. Refusals are *Refusal.
func (h *Hub) ServiceRequest(ctx context.Context, origin string, path []string, data json.RawMessage) (any, error) {
	if len(path) != 2 || path[0] != "room" || serviceHandlers[path[1]] == nil {
		return nil, refuse("ERR_NO_LISTENER")
	}
	noRequest, noOrigin := "ERR_NO_REQUEST", "ERR_NO_ORIGIN_USER"
	if path[1] == "create" {
		noRequest, noOrigin = "ERR_NO_REQ", "ERR_NO_ORIGIN"
	}
	if len(data) == 0 || string(data) == "null" {
		return nil, refuse(noRequest)
	}
	if origin == "" {
		return nil, refuse(noOrigin)
	}
	i := h.dir.byFriendID(origin)
	if i == nil || i.Disabled {
		return nil, refuse("ERR_INVALID_ORIGIN")
	}
	return serviceHandlers[path[1]](h, ctx, i, data)
}

// serviceInvite is the public link in the answer to create.
type serviceInvite struct {
	Type string     `json:"type"`
	Data publicLink `json:"data"`
}

// serviceRoom is the answer to create. FriendCore hands it on as text: the order of
// keys is part of the protocol.
type serviceRoom struct {
	RoomID  RoomID        `json:"roomId"`
	OwnerID string        `json:"ownerId"`
	Name    string        `json:"name"`
	Invite  serviceInvite `json:"invite"`
}

func (h *Hub) serviceCreate(ctx context.Context, by *identity, data json.RawMessage) (any, error) {
	var in struct {
		Name       any `json:"name"`
		Workgroups any `json:"workgroups"`
	}
	_ = json.Unmarshal(data, &in) // what is not an object has no name
	name, _ := in.Name.(string)
	if name = strings.TrimSpace(name); !validName(name) {
		return nil, refuse("ERR_INVALID_NAME")
	}
	listed, _ := in.Workgroups.([]any)
	e := &serviceCreateEvent{owner: by.ID, name: name, groups: h.assignableBy(by, listed)}
	r := newRoom(h, RoomID(newID("room")))
	h.addRoom(r)
	if err := h.ask(ctx, r.id, e.apply); err != nil {
		return nil, err
	}
	if e.token == "" {
		return nil, refuse("ERR_CREATE_FAILED")
	}
	return serviceRoom{r.id, by.FUserID, name, serviceInvite{publicToken, publicLink{e.token, h.opt.Host}}}, nil
}

// assignableBy finds workgroups by their unique ids. An admin may assign any, everybody
// else those that he is in; others are left out, as are unknown ones.
func (h *Hub) assignableBy(by *identity, uids []any) []Group {
	own := h.groups.ofAccount(by.ID)
	return slices.DeleteFunc(h.groups.byUID(uids), func(g Group) bool {
		return !by.isAdmin() && !slices.Contains(own, workgroupID(g.ID))
	})
}

// serviceCreateEvent makes a named room with workgroups and a public token.
type serviceCreateEvent struct {
	owner  AccountID
	name   string
	groups []Group
	token  string // empty: it failed
}

func (e *serviceCreateEvent) apply(r *Room) {
	createEvent{owner: e.owner, name: e.name, groups: e.groups}.apply(r)
	if r.closed {
		return
	}
	if t, ok := r.makeToken(publicToken, e.owner, ""); ok {
		e.token = t.Token
	} else {
		r.retire() // its maker would not know of it
	}
}

// runEvent has a function run by the room for somebody who waits for it, who must
// not be an owner himself.
type runEvent struct {
	do   func(*Room)
	ran  *bool
	done chan struct{}
}

func (e runEvent) apply(r *Room) {
	defer close(e.done)
	*e.ran = true
	e.do(r)
}

// ask runs a function in a room, which is loaded if need be, and waits for its end.
func (h *Hub) ask(ctx context.Context, id RoomID, do func(*Room)) error {
	ran, done := false, make(chan struct{})
	if !h.toRoomLoaded(id, runEvent{do, &ran, done}) {
		return ErrNotFound
	}
	select {
	case <-done:
		if !ran {
			return ErrNotFound
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askOwned runs a function in a saved room that the account owns; admins own all if
// adminToo. The errors are the codes given.
func (h *Hub) askOwned(ctx context.Context, id RoomID, by *identity, adminToo bool, noRoom string, do func(*Room)) error {
	if !namedRoom(id) {
		return refuse(noRoom)
	}
	var refused *Refusal
	err := h.ask(ctx, id, func(r *Room) {
		switch {
		case !r.ready || !r.persistent:
			refused = refuse(noRoom)
		case r.record.OwnerID != by.ID && !(adminToo && by.isAdmin()):
			refused = refuse("ERR_NOT_OWNER")
		default:
			do(r)
		}
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return refuse(noRoom)
	case err != nil: // the room may still be at it
		return err
	case refused != nil:
		return refused
	}
	return nil
}

// namedRoom says whether this can be the id of a room that is no contact room.
func namedRoom(id RoomID) bool {
	return strings.HasPrefix(string(id), "room-") && len(id) <= maxName
}

func (h *Hub) serviceUpdate(ctx context.Context, by *identity, data json.RawMessage) (any, error) {
	var in struct {
		RoomID RoomID `json:"roomId"`
		Update string `json:"update"`
		Value  any    `json:"value"`
	}
	_ = json.Unmarshal(data, &in)
	name, code := "", ""
	err := h.askOwned(ctx, in.RoomID, by, false, "ERR_INVALID_ROOM_ID", func(r *Room) {
		switch {
		case in.Update == "" || in.Value == nil:
			code = "ERR_MISSING_INPUT"
			return
		case in.Update != "name":
			code = "ERR_UNHANDLED_UPDATE"
			return
		}
		var value any
		if value, code = r.setName(call{}, in.Value); code == "" {
			name, _ = value.(string)
			r.toAll("settings", "update", settingUpdate{Success: true, Setting: "roomName", Value: name})
			r.tellName()
		}
	})
	switch {
	case err != nil:
		return nil, err
	case code != "":
		return nil, refuse(code)
	}
	return struct {
		RoomID RoomID `json:"roomId"`
		Name   string `json:"name"`
	}{in.RoomID, name}, nil
}

func (h *Hub) serviceRemove(ctx context.Context, by *identity, data json.RawMessage) (any, error) {
	var in struct {
		RoomID RoomID `json:"roomId"`
	}
	_ = json.Unmarshal(data, &in)
	if err := h.removeRoom(ctx, in.RoomID, by, false, "ERR_INVALID_ROOM_ID"); err != nil {
		return nil, err
	}
	return in.RoomID, nil
}

// removeRoom ends a room for good: its members see that it closes.
func (h *Hub) removeRoom(ctx context.Context, id RoomID, by *identity, adminToo bool, noRoom string) error {
	var failed error
	err := h.askOwned(ctx, id, by, adminToo, noRoom, func(r *Room) { failed = r.retire() })
	if err == nil && failed != nil {
		return refuse("ERR_DESTROY_FAILED")
	}
	return err
}

// maxDeleted bounds the rooms of one request.
const maxDeleted = 100

func (h *Hub) serviceDelete(ctx context.Context, by *identity, data json.RawMessage) (any, error) {
	var in struct {
		RoomID []RoomID `json:"roomId"`
	}
	if json.Unmarshal(data, &in) != nil || len(in.RoomID) > maxDeleted {
		return nil, refuse("ERR_NO_REQUEST")
	}
	result := map[RoomID]any{}
	for _, id := range in.RoomID {
		if _, again := result[id]; again {
			continue
		}
		err := h.removeRoom(ctx, id, by, true, "ERR_NO_ROOM")
		var refusal *Refusal
		switch {
		case err == nil:
			result[id] = 0
		case errors.As(err, &refusal):
			result[id] = refusal.Code
		default:
			return nil, err
		}
	}
	return result, nil
}

// serviceRecord is a room as its row is told.
type serviceRecord struct {
	ClientID     RoomID          `json:"clientId"`
	WorkgroupID  any             `json:"workgroupId"`
	Name         string          `json:"name"`
	OwnerID      AccountID       `json:"ownerId"`
	Settings     json.RawMessage `json:"settings"`
	IsPrivate    int             `json:"isPrivate"`
	Created      any             `json:"created"`
	LastActivity any             `json:"lastActivity"`
}

type serviceAuthorized struct {
	AccountID AccountID `json:"accountId"`
}

type serviceGroup struct {
	workgroupWire
	Users int `json:"users"`
}

type serviceToken struct {
	Token     string `json:"token"`
	SingleUse int    `json:"singleUse"`
}

type serviceMessages struct {
	Total int `json:"total"`
	Edits int `json:"edits"`
}

// serviceOverview is the answer to get; invites are for owner and admins.
type serviceOverview struct {
	Room       *serviceRecord      `json:"room,omitempty"`
	Authorized []serviceAuthorized `json:"authorized"`
	Workgroups []serviceGroup      `json:"workgroups"`
	Invites    []serviceToken      `json:"invites"`
	Messages   serviceMessages     `json:"messages"`
}

func (h *Hub) serviceGet(ctx context.Context, by *identity, data json.RawMessage) (any, error) {
	var id RoomID
	if json.Unmarshal(data, &id) != nil || id == "" {
		return nil, refuse("ERR_NO_REQUEST")
	}
	empty := serviceOverview{
		Authorized: []serviceAuthorized{}, Workgroups: []serviceGroup{}, Invites: []serviceToken{},
	}
	if len(id) > maxName || strings.HasPrefix(string(id), "cont-") {
		return empty, nil
	}
	o, err := h.store.Overview(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return empty, nil
	case err != nil:
		return nil, err
	case !h.isMember(o, by) && o.Room.OwnerID != by.ID && !by.isAdmin():
		return nil, refuse("ERR_NOT_MEMBER")
	}
	return h.overview(o, by), nil
}

func (h *Hub) overview(o *Overview, by *identity) serviceOverview {
	answer := serviceOverview{
		Room: &serviceRecord{
			ClientID: o.Room.ID, WorkgroupID: nullable(o.Room.WorkgroupID), Name: o.Room.Name, OwnerID: o.Room.OwnerID,
			Settings: o.Room.Settings, IsPrivate: oneIf(o.Room.IsPrivate),
			Created: isoTime(o.Room.Created), LastActivity: isoTime(o.LastActivity),
		},
		Authorized: []serviceAuthorized{}, Workgroups: []serviceGroup{}, Invites: []serviceToken{},
		Messages: serviceMessages{o.Messages, o.Edits},
	}
	for _, id := range o.Authorized {
		answer.Authorized = append(answer.Authorized, serviceAuthorized{id})
	}
	for _, a := range o.Assigned {
		if g, ok := h.groups.group(workgroupID(a.FID)); ok {
			answer.Workgroups = append(answer.Workgroups, serviceGroup{g.wire(), len(h.groups.membersOf(workgroupID(a.FID)))})
		}
	}
	if o.Room.OwnerID == by.ID || by.isAdmin() {
		for _, t := range o.Tokens {
			answer.Invites = append(answer.Invites, serviceToken{t.Token, oneIf(t.SingleUse)})
		}
	}
	return answer
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// isoTime is a time as text; null if there is none.
func isoTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// isMember says whether an account may be in a room: by name, by a workgroup that
// is assigned, or by the workgroup of a work room.
func (h *Hub) isMember(o *Overview, i *identity) bool {
	if slices.Contains(o.Authorized, i.ID) {
		return true
	}
	in := h.groups.ofAccount(i.ID)
	if o.Room.WorkgroupID != "" && slices.Contains(in, o.Room.WorkgroupID) {
		return true
	}
	return slices.ContainsFunc(o.Assigned, func(a Assignment) bool { return slices.Contains(in, workgroupID(a.FID)) })
}

func (h *Hub) serviceIsUserInRoom(ctx context.Context, _ *identity, data json.RawMessage) (any, error) {
	var in struct {
		UserID any `json:"userId"`
		RoomID any `json:"roomId"`
	}
	if json.Unmarshal(data, &in) != nil {
		return nil, refuse("ERR_NO_REQUEST_DATA")
	}
	user, _ := in.UserID.(string)
	room, _ := in.RoomID.(string)
	if user == "" || room == "" || len(room) > maxName {
		return nil, refuse("ERR_INVALID_ARGS")
	}
	i := h.dir.byFriendID(user)
	if i == nil {
		return nil, refuse("ERR_INVALID_USERID")
	}
	o, err := h.store.Overview(ctx, RoomID(room))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, refuse("ERR_NOT_A_ROOM")
	case err != nil:
		return nil, err
	}
	return h.isMember(o, i), nil
}
