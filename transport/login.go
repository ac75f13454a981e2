package transport

import (
	"context"
	"encoding/json"
	"errors"

	"presence/rooms"
)

// loginState is what the login check has found out. It is written by the check
// before it advances the stage that lets the reader use it.
type loginState struct {
	user rooms.User
}

// authBundle is the data of authenticate (docs/protocol.md 2.3, 2.7).
type authBundle struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// accountBundle is what an account shows to be let in (docs/protocol.md 2.3).
type accountBundle struct {
	Tokens struct {
		AuthID string `json:"authId"`
	} `json:"tokens"`
	Login string `json:"login"`
}

const (
	maxAuthID = 1024
	maxLogin  = 255
)

// check says whether the bundle can be genuine at all.
func (b accountBundle) check() error {
	switch {
	case b.Tokens.AuthID == "":
		return errors.New("no authid")
	case len(b.Tokens.AuthID) > maxAuthID:
		return errors.New("authid too long")
	case b.Login == "":
		return errors.New("no login name")
	case len(b.Login) > maxLogin:
		return errors.New("login name too long")
	}
	return nil
}

// authenticate takes the answer to the challenge.
func (c *conn) authenticate(f frame) dropReason {
	if !c.advance(stageChallenged, stageChecking) {
		return dropStage
	}
	var b authBundle
	if f.isNull() || json.Unmarshal(f.Data, &b) != nil {
		c.refuse("the bundle is no object")
		return ""
	}
	switch b.Type {
	case "authid":
		c.authenticateAccount(b.Data)
	case "anon-invite":
		c.authenticateGuest(b.Data)
	default:
		c.refuse("unknown kind of bundle")
	}
	return ""
}

func (c *conn) authenticateAccount(data json.RawMessage) {
	var b accountBundle
	if err := json.Unmarshal(data, &b); err != nil {
		c.refuse("the bundle is malformed")
		return
	}
	if err := b.check(); err != nil {
		c.refuse(err.Error())
		return
	}
	c.check(func(ctx context.Context) { c.checkAccount(ctx, b) })
}

// check runs a step of the login beside the reader, which answers pings
// meanwhile. The time limit of the login bounds it.
func (c *conn) check(step func(context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.ending {
		return
	}
	deadline := c.deadline
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		ctx, cancel := context.WithDeadline(c.ctx, deadline)
		defer cancel()
		step(ctx)
	}()
}

// checkAccount asks who owns the authid.
func (c *conn) checkAccount(ctx context.Context, b accountBundle) {
	user, err := c.srv.auth.Authenticate(ctx, b.Tokens.AuthID)
	switch {
	case errors.Is(err, rooms.ErrDenied):
		c.refuse("the authid is not valid")
	case err != nil:
		c.unavailable(ctx, err)
	case user.Login != b.Login:
		c.refuse("the login name is not that of the authid's owner")
	case user.Disabled:
		c.refuse("the user is disabled")
	default:
		c.accept(ctx, user, b.Tokens.AuthID)
	}
}

// accept lets the connection into the account stage (docs/protocol.md 2.2).
func (c *conn) accept(ctx context.Context, user rooms.User, authID string) {
	c.login.user = user
	c.wire.setLimit(c.srv.limits.SizeAfterLogin)
	c.send([]byte(acceptedFrame))
	// The stage comes before the challenge, so that no answer can be too early.
	if !c.advance(stageChecking, stageAccount) {
		return
	}
	c.send([]byte(accountChallengeFrame))
	c.readSettings(ctx, authID)
}

// readSettings reads Presence's settings with the user's rights. Failures do not
// hinder a login.
func (c *conn) readSettings(ctx context.Context, authID string) {
	settings, found, err := c.srv.auth.GroupSettings(ctx, authID)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.log().Warn("stream and super groups not read", "err", err)
	case found:
		c.srv.hub.ApplySettings(settings)
	}
}

// refuse answers a login that will never succeed: clients stop trying
// (docs/protocol.md 1.9). The reason is for the log and holds no secret.
func (c *conn) refuse(reason string) {
	c.send([]byte(refusedFrame))
	if !c.finish(closePolicy, endLost) {
		return
	}
	c.wire.raw().ticket.failed()
	c.srv.metrics.login(loginRefused)
	c.log().Info("login refused", "reason", reason, "from", c.wire.raw().ticket.addr)
}

// unavailable ends a login that nobody can decide now; clients try again. ctx is
// that of the login: if it has ended, the client is gone or the clock says why.
func (c *conn) unavailable(ctx context.Context, err error, last ...[]byte) {
	if ctx.Err() != nil {
		return
	}
	for _, f := range last {
		c.send(f)
	}
	code := closeTryLater
	if errors.Is(err, errStopping) {
		code = closeGoingAway
	}
	if c.finish(code, endLost) {
		c.srv.metrics.login(loginUnavailable)
		c.log().Warn("login not decided", "err", err)
	}
}

// loginEvent is the data of login (docs/protocol.md 2.4). A field of another kind
// than text counts as not given.
type loginEvent struct {
	FUserID   any `json:"fUserId"`
	FUsername any `json:"fUsername"`
}

// matches compares with whom the authid belongs to.
func (e loginEvent) matches(u rooms.User) bool {
	if id, _ := e.FUserID.(string); id != "" {
		return id == u.ID
	}
	name, _ := e.FUsername.(string)
	return name != "" && name == u.Login
}

// stageEvent handles login and create in the account stage.
func (c *conn) stageEvent(f frame) dropReason {
	e, drop := decodeFrame(f.Data)
	switch {
	case drop != "":
		return drop
	case e.Type == "create":
		return "" // accepted without effect (docs/protocol.md 2.2)
	case e.Type != "login":
		return dropStage
	case !c.advance(stageAccount, stageOpening):
		return dropStage
	}
	c.check(func(ctx context.Context) { c.enterAccount(ctx, e) })
	return ""
}

// enterAccount finds the account and attaches the connection to its session.
func (c *conn) enterAccount(ctx context.Context, f frame) {
	if code := c.checkLogin(f); code != "" {
		c.refuseLogin(code, f.Data)
		return
	}
	account, err := c.srv.hub.Resolve(ctx, c.login.user)
	if err == nil {
		err = c.srv.sessions.login(ctx, c, account)
	}
	var refusal *rooms.Refusal
	switch {
	case errors.As(err, &refusal):
		c.refuseLogin(refusal.Code, f.Data)
	case err != nil:
		c.unavailable(ctx, err, errorFrame("ERR_TRY_LATER", f.Data))
	default:
		c.wire.raw().ticket.loggedIn()
		c.srv.metrics.login(loginAccepted)
		c.log().Debug("logged in", "login", c.login.user.Login)
	}
}

// checkLogin returns the error code of docs/protocol.md 2.4, empty if all is well.
func (c *conn) checkLogin(f frame) string {
	var e loginEvent
	switch {
	case f.isNull() || json.Unmarshal(f.Data, &e) != nil:
		return "ERR_NO_LOGIN_DATA"
	case !e.matches(c.login.user):
		return "ERR_INVALID_AUTH"
	}
	return ""
}

// refuseLogin says why, and then that it is final (docs/protocol.md 1.9).
func (c *conn) refuseLogin(code string, data json.RawMessage) {
	c.send(errorFrame(code, data))
	c.refuse(code)
}

// sessionEvent resumes a session, or leaves one (docs/protocol.md 2.5, 2.6).
func (c *conn) sessionEvent(f frame) dropReason {
	if c.at(stageAttached) {
		if !f.isNull() {
			return dropStage
		}
		c.send([]byte(sessionNullFrame))
		c.finish(closeNormal, endLeft)
		return ""
	}
	if !c.advance(stageChallenged, stageChecking) {
		return dropStage
	}
	if f.isNull() {
		c.finish(closeNormal, endLeft)
		return ""
	}
	c.resume(f.Data)
	return ""
}

// maxSessionID is longer than any id that was given out.
const maxSessionID = 256

func (c *conn) resume(data json.RawMessage) {
	var id string
	if json.Unmarshal(data, &id) == nil && len(id) <= maxSessionID && c.srv.sessions.resume(c, id) {
		c.wire.setLimit(c.srv.limits.SizeAfterLogin)
		c.wire.raw().ticket.loggedIn()
		c.srv.metrics.login(loginResumed)
		c.log().Debug("session resumed")
		return
	}
	c.send([]byte(sessionRefusedFrame))
	c.finish(closePolicy, endLost)
	c.wire.raw().ticket.failed()
	c.srv.metrics.login(loginNoSession)
}
