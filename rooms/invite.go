package rooms

import (
	"crypto/subtle"
	"time"
)

// inviteHandlers take the invite events of clients (docs/protocol.md 9).
var inviteHandlers = map[string]func(*Room, call){
	"state":    (*Room).inviteState,
	"public":   (*Room).invitePublic,
	"revoke":   (*Room).inviteRevoke,
	"room-add": (*Room).inviteAdd,
}

func (r *Room) inviteCall(outer call) {
	c, ok := decodeCall(outer.from, outer.Data)
	if !ok {
		r.answer(outer, "", nil, "ERR_INVALID_DATA")
		return
	}
	if handler := inviteHandlers[c.Type]; handler != nil {
		handler(r, c)
		return
	}
	r.answer(c, "invite", nil, "ERR_NO_LISTENER")
}

func (r *Room) inviteState(c call) {
	state := struct {
		PublicToken   string   `json:"publicToken,omitempty"`
		PrivateTokens []string `json:"privateTokens"`
		Host          string   `json:"host"`
	}{r.publicToken, []string{}, r.hub.opt.Host}
	r.toAsker(c, "invite", "state", state)
	r.answer(c, "invite", state, "")
}

// inviteLink is the data of a token that was asked for.
type inviteLink struct {
	Token any    `json:"token"` // null: it could not be stored
	Host  string `json:"host"`
	ReqID any    `json:"reqId,omitempty"`
}

// invitePublic gives the room's public token, making it if there is none. Members
// hear of a new one; who asked gets it with the mark of the request.
func (r *Room) invitePublic(c call) {
	var in struct {
		ReqID any `json:"reqId"`
	}
	c.into(&in)
	reqID, _ := in.ReqID.(string)
	link := inviteLink{nil, r.hub.opt.Host, nullable(clip(reqID, maxName))}
	if r.publicToken == "" && r.makePublic(c.from.Account) {
		r.toAll("invite", "public", inviteLink{r.publicToken, link.Host, nil})
	}
	link.Token = nullable(r.publicToken)
	r.toAsker(c, "invite", "public", link)
	r.answer(c, "invite", link, "")
}

func (r *Room) makePublic(by AccountID) bool {
	token := Token{Type: "public", Token: newID("public"), Room: r.id, CreatedBy: by, Created: time.Now()}
	if !r.persistent {
		r.tokens = append(r.tokens, token)
		r.publicToken = token.Token
		return true
	}
	ctx, cancel := r.hub.storeContext()
	defer cancel()
	if err := r.hub.store.AddToken(ctx, token); err != nil {
		r.log.Error("invite token not stored", "err", err)
		return false
	}
	r.publicToken = token.Token
	return true
}

// validToken says whether the token lets an account in.
func (r *Room) validToken(token string) bool {
	return r.publicToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(r.publicToken)) == 1
}

// inviteRevoke invalidates the public token, named by its text or as "public".
func (r *Room) inviteRevoke(c call) {
	var token string
	if !c.into(&token) || r.publicToken == "" || token != "public" && !r.validToken(token) {
		r.answer(c, "invite", nil, "ERR_NO_TOKEN")
		return
	}
	if r.persistent {
		ctx, cancel := r.hub.storeContext()
		defer cancel()
		if err := r.hub.store.RevokeToken(ctx, r.id, r.publicToken, c.from.Account); err != nil {
			r.log.Error("invite token not revoked", "err", err)
			r.answer(c, "invite", nil, "ERR_REVOKE_FAILED")
			return
		}
	}
	r.publicToken, r.tokens = "", nil
	r.log.Info("public invite token revoked", "account", c.from.Account)
	r.toAll("invite", "revoke", "public")
	r.answer(c, "invite", nil, "")
}

// inviteAdd lets an account into the room at once. If it is logged in its client
// joins; the others see the new member.
func (r *Room) inviteAdd(c call) {
	var in struct {
		ClientID AccountID `json:"clientId"`
	}
	if !c.into(&in) {
		r.answer(c, "invite", nil, "ERR_INVALID_ID")
		return
	}
	if m := r.members[in.ClientID]; m != nil && (m.authorized || !r.persistent) {
		r.answer(c, "invite", nil, "")
		return
	}
	if code := r.admit(in.ClientID); code != "" {
		r.answer(c, "invite", nil, code)
		return
	}
	r.hub.toAccount(in.ClientID, enteredEvent{room: r.id, conf: r.conf.Load()})
	r.answer(c, "invite", nil, "")
}
