package rooms

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"
)

// The kinds of invite tokens (docs/protocol.md 9).
const (
	publicToken   = "public"  // any number of uses
	privateToken  = "private" // one use, by anybody
	personalToken = "room"    // one use, by the account that it is for
)

// maxTokens bounds the tokens for one use that a room has at a time.
const maxTokens = 1000

// tokenOf is the room's newest token of a kind; nil if there is none.
func (r *Room) tokenOf(kind string) *Token {
	for n := len(r.tokens) - 1; n >= 0; n-- {
		if r.tokens[n].Type == kind {
			return &r.tokens[n]
		}
	}
	return nil
}

// findToken is the token with this text; nil if the room has none.
func (r *Room) findToken(text string) *Token {
	var found *Token
	for n := range r.tokens {
		if subtle.ConstantTimeCompare([]byte(text), []byte(r.tokens[n].Token)) == 1 {
			found = &r.tokens[n]
		}
	}
	return found
}

// useToken takes a token for somebody who enters. A temporary room knows its own
// tokens; those of a saved one are the database's, where one of many who try at
// once wins.
func (r *Room) useToken(text string, by AccountID) (Token, error) {
	if r.persistent {
		ctx, cancel := r.hub.storeContext()
		defer cancel()
		return r.hub.store.UseToken(ctx, r.id, text, by)
	}
	t := r.findToken(text)
	if t == nil || t.Target != "" && t.Target != by {
		return Token{}, ErrNotFound
	}
	return *t, nil
}

// tokenUsed forgets a token for one use and tells everybody (docs/protocol.md 9).
func (r *Room) tokenUsed(t Token) {
	if !t.SingleUse {
		return
	}
	r.forgetToken(t)
	r.toAll("invite", "revoke", t.Token)
}

// forgetToken takes a token out of the room; whoever it was meant for is told.
func (r *Room) forgetToken(t Token) {
	r.tokens = slices.DeleteFunc(r.tokens, func(o Token) bool { return o.Token == t.Token })
	if t.Target != "" {
		r.hub.setInvited(t.Target, t.Token, nil)
		r.hub.toAccount(t.Target, invitedEvent{"remove", t.Token})
	}
}

// makeToken makes a token and stores it.
func (r *Room) makeToken(kind string, by, target AccountID) (Token, bool) {
	if len(r.tokens) >= maxTokens {
		r.log.Warn("no more invite tokens for this room", "account", by, "limit", maxTokens)
		return Token{}, false
	}
	t := Token{
		Type: kind, Token: newID(kind), Room: r.id, SingleUse: kind != publicToken,
		Target: target, CreatedBy: by, Created: time.Now(),
	}
	if r.persistent {
		ctx, cancel := r.hub.storeContext()
		defer cancel()
		if err := r.hub.store.AddToken(ctx, t); err != nil {
			r.log.Error("invite token not stored", "err", err)
			return Token{}, false
		}
	}
	r.tokens = append(r.tokens, t)
	return t, true
}

// inviteState is the data of invite/state.
type inviteState struct {
	PublicToken   string   `json:"publicToken,omitempty"`
	PrivateTokens []string `json:"privateTokens"`
	Host          string   `json:"host"`
}

// inviteState tells the room's tokens; a guest sees the public one only.
func (r *Room) inviteState(c call) {
	state := inviteState{PrivateTokens: []string{}, Host: r.hub.opt.Host}
	if t := r.tokenOf(publicToken); t != nil {
		state.PublicToken = t.Token
	}
	for _, t := range r.tokens {
		if t.Type == privateToken && !r.members[c.from.Account].guest {
			state.PrivateTokens = append(state.PrivateTokens, t.Token)
		}
	}
	r.toAsker(c, "invite", "state", state)
	r.answer(c, "invite", state, "")
}

// inviteLink is the data of a token that was asked for.
type inviteLink struct {
	Token any    `json:"token"` // null: it could not be stored
	Host  string `json:"host"`
	ReqID any    `json:"reqId,omitempty"`
}

// privateLink is inviteLink for a token for one use: with reqId, null if not given.
type privateLink struct {
	Token any    `json:"token"`
	Host  string `json:"host"`
	ReqID any    `json:"reqId"`
}

// publicLink is inviteLink as everybody hears of it: without reqId.
type publicLink struct {
	Token string `json:"token"`
	Host  string `json:"host"`
}

// linkFor begins the answer to somebody who asks for a token.
func (r *Room) linkFor(c call) inviteLink {
	var in struct {
		ReqID any `json:"reqId"`
	}
	c.into(&in)
	reqID, _ := in.ReqID.(string)
	return inviteLink{nil, r.hub.opt.Host, nullable(clip(reqID, maxName))}
}

// invitePublic gives the room's public token, making it if there is none. Members
// hear of a new one; who asked gets it with the mark of the request.
func (r *Room) invitePublic(c call) {
	link := r.linkFor(c)
	t := r.tokenOf(publicToken)
	if t == nil {
		if made, ok := r.makeToken(publicToken, c.from.Account, ""); ok {
			t = &made
			r.toAll("invite", "public", publicLink{t.Token, link.Host})
		}
	}
	if t != nil {
		link.Token = t.Token
	}
	r.toAsker(c, "invite", "public", link)
	r.answer(c, "invite", link, "")
}

// invitePrivate makes a token for one use and gives it to who asked.
func (r *Room) invitePrivate(c call) {
	link := privateLink(r.linkFor(c))
	if t, ok := r.makeToken(privateToken, c.from.Account, ""); ok {
		link.Token = t.Token
	}
	r.toAsker(c, "invite", "private", link)
	r.answer(c, "invite", link, "")
}

// inviteRevoke invalidates a token, named by its text or, the public one, as
// "public". Members may revoke it and their own ones, owner and admins all.
func (r *Room) inviteRevoke(c call) {
	var text string
	c.into(&text)
	t := r.findToken(text)
	if text == publicToken {
		t = r.tokenOf(publicToken)
	}
	by := c.from.Account
	switch {
	case t == nil:
		r.answer(c, "invite", nil, "ERR_NO_TOKEN")
	case t.Type != publicToken && t.CreatedBy != by && !r.rules(by):
		r.answer(c, "invite", nil, "ERR_NOT_ALLOWED")
	case !r.revoke(*t, by):
		r.answer(c, "invite", nil, "ERR_REVOKE_FAILED")
	default:
		r.answer(c, "invite", nil, "")
	}
}

// revoke invalidates a token and tells everybody; false if it was not stored.
func (r *Room) revoke(t Token, by AccountID) bool {
	if r.persistent {
		ctx, cancel := r.hub.storeContext()
		defer cancel()
		if err := r.hub.store.RevokeToken(ctx, r.id, t.Token, by); err != nil {
			r.log.Error("invite token not revoked", "err", err)
			return false
		}
	}
	r.log.Info("invite token revoked", "kind", t.Type, "account", by)
	r.forgetToken(t)
	said := t.Token
	if t.Type == publicToken {
		said = publicToken
	}
	r.toAll("invite", "revoke", said)
	return true
}

// inviteTarget is whom an invite is for; the code is that of the refusal.
func (r *Room) inviteTarget(c call) (i *identity, code string) {
	var in struct {
		ClientID AccountID `json:"clientId"`
	}
	if !c.into(&in) {
		return nil, "ERR_INVALID_ID"
	}
	i = r.hub.dir.get(in.ClientID)
	if i == nil || i.Disabled || i.guest {
		return nil, "ERR_INVALID_ID"
	}
	return i, ""
}

// invitePersonal invites an account, which may accept or not. There is at most one
// open invitation for each.
func (r *Room) invitePersonal(c call) {
	i, code := r.inviteTarget(c)
	if code == "" && (r.belongs(r.members[i.ID]) || r.invited(i.ID)) {
		i = nil // nothing to do
	}
	if code != "" || i == nil {
		r.answer(c, "invite", nil, code)
		return
	}
	t, ok := r.makeToken(personalToken, c.from.Account, i.ID)
	if !ok {
		r.answer(c, "invite", nil, "ERR_NOT_STORED")
		return
	}
	wire := invitationOf(t, r.record.Name, r.record.OwnerID, r.hub.pics)
	if !r.persistent {
		r.hub.setInvited(i.ID, t.Token, &wire)
	}
	r.hub.toAccount(i.ID, invitedEvent{"add", wire})
	r.answer(c, "invite", nil, "")
}

func (r *Room) invited(id AccountID) bool {
	return slices.ContainsFunc(r.tokens, func(t Token) bool { return t.Target == id })
}

// inviteAdd lets an account into the room at once. If it is logged in its client
// joins; the others see the new member.
func (r *Room) inviteAdd(c call) {
	i, code := r.inviteTarget(c)
	if code != "" {
		r.answer(c, "invite", nil, code)
		return
	}
	if m := r.members[i.ID]; m != nil && !m.absent && (m.authorized || !r.persistent) {
		r.answer(c, "invite", nil, "")
		return
	}
	if code := r.admit(i.ID); code != "" {
		r.answer(c, "invite", nil, code)
		return
	}
	r.letIn(i.ID, enteredEvent{room: r.id, conf: r.conf.Load()})
	r.answer(c, "invite", nil, "")
}

// inviteEmail was once sent by an unused form of clients; nothing is done.
func (r *Room) inviteEmail(c call) { r.answer(c, "invite", nil, "") }

// invitationWire is an invitation as its account sees it (docs/protocol.md 9).
type invitationWire struct {
	Type      string      `json:"type"`
	Token     string      `json:"token"`
	RoomID    RoomID      `json:"roomId"`
	TargetID  AccountID   `json:"targetId"`
	CreatedBy AccountID   `json:"createdBy"`
	FromID    AccountID   `json:"fromId"`
	Created   int64       `json:"created"`
	Room      invitedRoom `json:"room"`
}

type invitedRoom struct {
	ClientID RoomID    `json:"clientId"`
	Name     string    `json:"name"`
	Avatar   string    `json:"avatar"`
	OwnerID  AccountID `json:"ownerId"`
}

func invitationOf(t Token, name string, owner AccountID, pics *pictures) invitationWire {
	return invitationWire{
		Type: t.Type, Token: t.Token, RoomID: t.Room, TargetID: t.Target, CreatedBy: t.CreatedBy, FromID: t.CreatedBy,
		Created: t.Created.UnixMilli(), Room: invitedRoom{t.Room, name, pics.ofRoom(name), owner},
	}
}

// setInvited keeps an invitation to a temporary room for the account's next login;
// nil: it is gone.
func (h *Hub) setInvited(id AccountID, token string, wire *invitationWire) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if wire == nil {
		delete(h.invited[id], token)
		if len(h.invited[id]) == 0 {
			delete(h.invited, id)
		}
		return
	}
	if h.invited[id] == nil {
		h.invited[id] = map[string]invitationWire{}
	}
	h.invited[id][token] = *wire
}

// withdraw takes the open invitation of somebody back who is in the room now.
func (r *Room) withdraw(id AccountID) {
	for _, t := range slices.Clone(r.tokens) {
		if t.Target == id {
			r.revoke(t, id)
		}
	}
}

// endInvitations tells those who are invited that the room is gone.
func (r *Room) endInvitations() {
	for _, t := range slices.Clone(r.tokens) {
		if t.Target != "" {
			r.forgetToken(t)
		}
	}
}

// invitedTo lists the invitations of an account to temporary rooms.
func (h *Hub) invitedTo(id AccountID) []invitationWire {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []invitationWire
	for _, wire := range h.invited[id] {
		all = append(all, wire)
	}
	slices.SortFunc(all, func(a, b invitationWire) int { return int(a.Created - b.Created) })
	return all
}

// invitedEvent tells an account of an invitation, or that one is gone.
type invitedEvent struct {
	typ  string // "add" or "remove"
	data any
}

func (e invitedEvent) apply(a *Account) {
	if a.initialized.Load() {
		a.send("invite", event{e.typ, e.data})
	}
}

// invitations lists the account's open invitations; null if there are none.
func (a *Account) invitations() any {
	ctx, cancel := a.hub.storeContext()
	defer cancel()
	all := a.hub.invitedTo(a.id)
	stored, err := a.hub.store.Invitations(ctx, a.id)
	if err != nil {
		a.hub.log.Error("invitations not read", "account", a.id, "err", err)
	}
	for _, i := range stored {
		all = append(all, invitationOf(i.Token, i.RoomName, i.OwnerID, a.hub.pics))
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// inviteResponse accepts or declines an invitation (docs/protocol.md 9).
func (a *Account) inviteResponse(c call) {
	var in struct {
		Accepted bool   `json:"accepted"`
		RoomID   RoomID `json:"roomId"`
		Token    string `json:"token"`
	}
	if !c.into(&in) || in.Token == "" || !namedRoom(in.RoomID) {
		a.answer(c, "ERR_COULD_NOT_JOIN", "")
		return
	}
	if in.Accepted {
		a.hub.toRoomLoaded(in.RoomID, enterEvent{account: a.id, token: in.Token, call: c, inResponse: true})
		return
	}
	e := declineEvent{in.Token, a.id, c}
	if !a.hub.toRoomIfThere(in.RoomID, e) {
		a.hub.decline(in.RoomID, e)
	}
}

// declineEvent says that an invitation is not wanted.
type declineEvent struct {
	token string
	by    AccountID
	call  call
}

// answer says whether it is forgotten, behind the event that it is; one that does not
// exist is.
func (e declineEvent) answer(h *Hub, done bool) { h.toAccount(e.by, declinedEvent{e.call, done}) }

// declinedEvent answers a request that declined an invitation.
type declinedEvent struct {
	call call
	done bool
}

func (e declinedEvent) apply(a *Account) {
	if e.done {
		a.answer(e.call, true, "")
	} else {
		a.answer(e.call, "ERR_NOT_STORED", "")
	}
}

func (e declineEvent) apply(r *Room) {
	done := true
	if t := r.findToken(e.token); t != nil && t.Target == e.by {
		done = r.revoke(*t, e.by)
	}
	e.answer(r.hub, done)
}

// decline has an invitation to a room forgotten that is not in memory.
func (h *Hub) decline(room RoomID, e declineEvent) {
	started := h.background(func(ctx context.Context) {
		open, err := h.store.Invitations(ctx, e.by)
		mine := func(i Invitation) bool { return i.Token.Token == e.token && i.Token.Room == room }
		if err == nil && slices.ContainsFunc(open, mine) {
			_, err = h.takeToken(ctx, room, e.token, e.by)
			h.toAccount(e.by, invitedEvent{"remove", e.token})
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			h.log.Error("invitation not declined", "account", e.by, "err", err)
			e.answer(h, false)
			return
		}
		e.answer(h, true)
	})
	if !started {
		e.answer(h, false)
	}
}
