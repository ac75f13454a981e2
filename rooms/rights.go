package rooms

// roles are what an account is in a room, one bit each (docs/protocol.md 7.8).
type roles uint16

const (
	asOwner      roles = 1 << iota
	asAdmin            // FriendCore's level is Admin
	asAuthorized       // let in by name; in a temporary room every account is
	asWorkgroup        // member of an assigned workgroup
	asGuest            // came by an invite, without an account
	asContact          // one of the two of a contact room, who are nothing else there
	asWork             // member, or member of the parent, in a work room
	asWorkAdmin        // the same, whose level is Admin
	asView             // somebody who looks into a work room
)

const (
	accounts = asOwner | asAdmin | asAuthorized | asWorkgroup
	members  = accounts | asGuest
	anybody  = members | asContact | asWork
	looking  = anybody | asView
	rulers   = asOwner | asAdmin
)

// action is what a type of event does, and who may cause it. The tables of actions
// below are the only place where that is decided.
type action struct {
	who    roles
	do     func(*Room, call)
	refuse func(*Room, call) // nil: ERR_NOT_ALLOWED to a request
}

// roomHandlers are the room events of clients (docs/protocol.md 7).
var roomHandlers = map[string]action{
	"initialize":    {who: looking, do: (*Room).initialize},
	"open":          {who: asContact, do: (*Room).open},
	"persist":       {who: rulers, do: (*Room).persist, refuse: (*Room).persistRefused},
	"leave":         {who: members, do: (*Room).leave},
	"active":        {who: looking, do: (*Room).active},
	"counter-reset": {who: looking, do: (*Room).counterReset},
	"identity":      {who: members | asContact, do: (*Room).rename},
	"live-join":     {who: anybody, do: (*Room).liveJoin},
	"live-restore":  {who: anybody, do: (*Room).liveRestore},
	"live-leave":    {who: anybody, do: (*Room).liveLeave},
	"live":          {who: anybody, do: (*Room).liveCall},
	"chat":          {who: looking, do: (*Room).chatCall},
	"invite":        {who: members, do: (*Room).inviteCall},
	"settings":      {who: looking, do: (*Room).settingsCall},
}

// chatHandlers are the events of the component chat (docs/protocol.md 8).
var chatHandlers = map[string]action{
	"msg":       {who: looking, do: (*Room).chatMessage},
	"work-msg":  {who: asWork, do: (*Room).workMessage},
	"log":       {who: looking, do: (*Room).chatLogPage},
	"state":     {who: anybody, do: (*Room).chatState},
	"confirm":   {who: looking, do: (*Room).chatConfirm},
	"msg-get":   {who: looking, do: (*Room).chatGet},
	"edit-get":  {who: looking, do: (*Room).chatGet},
	"search":    {who: anybody, do: (*Room).chatSearch},
	"edit-save": {who: accounts | asContact | asWork | asView, do: (*Room).chatEdit, refuse: (*Room).chatEditRefused}, // own ones; admins all
	"delete":    {who: asAdmin | asContact | asWorkAdmin, do: (*Room).chatDelete, refuse: (*Room).chatDeleteRefused},
}

// inviteHandlers are the events of the component invite (docs/protocol.md 9).
var inviteHandlers = map[string]action{
	"state":       {who: members, do: (*Room).inviteState}, // guests see the public token only
	"public":      {who: accounts, do: (*Room).invitePublic},
	"private":     {who: accounts, do: (*Room).invitePrivate},
	"revoke":      {who: accounts, do: (*Room).inviteRevoke}, // others' tokens: rulers
	"room-invite": {who: accounts, do: (*Room).invitePersonal},
	"room-add":    {who: accounts, do: (*Room).inviteAdd},
	"email":       {who: members, do: (*Room).inviteEmail},
}

// settingsHandlers are the events of the component settings (docs/protocol.md 10).
var settingsHandlers = map[string]action{
	"get":     {who: looking, do: (*Room).settingsGet}, // what it tells depends on who asks
	"setting": {who: members, do: (*Room).settingsSet},
	"save":    {who: looking, do: (*Room).settingsSave},
}

// setting is a setting of a room, and who may change it (docs/protocol.md 10).
type setting struct {
	who roles
	// set returns the value in effect, or the code of the refusal.
	set func(r *Room, c call, value any) (any, string)
	// then is called when everybody has been told; may be nil.
	then func(r *Room, value any)
}

var settingHandlers = map[string]setting{
	"roomName":      {who: rulers, set: (*Room).setName, then: func(r *Room, _ any) { r.tellName() }},
	"userLimit":     {who: rulers, set: (*Room).setUserLimit},
	"hideAddresses": {who: rulers, set: (*Room).setHideAddresses},
	"isStream":      {who: rulers, set: (*Room).setBridged},
	"isRecording":   {who: rulers, set: (*Room).setBridged},
	"workgroups":    {who: asAdmin, set: (*Room).setWorkgroup, then: (*Room).workgroupSet},
	"authorized":    {who: rulers, set: (*Room).setAuthorized, then: (*Room).authorizedSet},
}

// rolesOf says what a member is.
func (r *Room) rolesOf(m *member) roles {
	switch {
	case r.isContact():
		return asContact
	case m.role == workViewer:
		return asView
	case r.isWork() && m.admin:
		return asWork | asWorkAdmin
	case r.isWork():
		return asWork
	case m.guest:
		return asGuest
	}
	var is roles
	if m.id == r.record.OwnerID {
		is |= asOwner
	}
	if m.admin {
		is |= asAdmin
	}
	if m.authorized || !r.persistent {
		is |= asAuthorized
	}
	if len(m.groups) > 0 {
		is |= asWorkgroup
	}
	return is
}

// dispatch lets the member's event do what it is meant to, if the member may.
func (r *Room) dispatch(component string, table map[string]action, c call) {
	a, known := table[c.Type]
	switch {
	case !known:
		r.answer(c, component, nil, "ERR_NO_LISTENER")
	case a.who&r.rolesOf(r.members[c.from.Account]) != 0:
		a.do(r, c)
	case a.refuse != nil:
		a.refuse(r, c)
	default:
		r.refuseDeep(component, c)
	}
}

// refuseDeep answers a request that its sender may not make, at the layer at which
// it was made.
func (r *Room) refuseDeep(component string, c call) {
	layers := 0
	if component == "" {
		layers = 1 // the request may be one of a component
	}
	answer := c.refusal("ERR_NOT_ALLOWED", layers)
	if answer == nil {
		return
	}
	if component != "" {
		answer = event{component, answer}
	}
	r.hub.post.Reply(c.from, encode(event{r.address(c.from.Account), answer}))
}

// componentCall takes an event of a component out of a room event.
func (r *Room) componentCall(component string, table map[string]action, outer call) {
	c, ok := decodeCall(outer.from, outer.Data)
	if !ok {
		r.answer(outer, "", nil, "ERR_INVALID_DATA")
		return
	}
	r.dispatch(component, table, c)
}

func (r *Room) chatCall(c call)     { r.componentCall("chat", chatHandlers, c) }
func (r *Room) inviteCall(c call)   { r.componentCall("invite", inviteHandlers, c) }
func (r *Room) settingsCall(c call) { r.componentCall("settings", settingsHandlers, c) }

// accountAction is what an account event does.
type accountAction struct {
	guests bool // guests may cause it
	do     func(*Account, call)
}

// accountHandlers are the account events of clients (docs/protocol.md 4.4 and 4.5).
var accountHandlers = map[string]accountAction{
	"initialize":           {guests: true, do: (*Account).initialize},
	"identity":             {guests: true, do: (*Account).identity},
	"room-get":             {do: (*Account).roomGet},
	"room-create":          {do: (*Account).roomCreate},
	"room-join":            {do: (*Account).roomJoin},
	"contact":              {do: (*Account).contactEvent},
	"contact-list":         {do: (*Account).contactList},
	"relation-add":         {do: (*Account).relationAdd},
	"hidden-list":          {do: (*Account).hiddenList},
	"hidden-open":          {do: (*Account).hiddenOpen},
	"hidden-close":         {do: (*Account).hiddenClose},
	"invite-response":      {do: (*Account).inviteResponse},
	"search-user":          {do: (*Account).searchUser},
	"friend-get":           {do: (*Account).friendGet},
	"avatar":               {do: (*Account).avatar},
	"account-settings-set": {do: (*Account).settingsSet},
	"settings":             {do: (*Account).nothing},
	"room":                 {do: (*Account).nothing},
}

// nothing is for events that are accepted without effect.
func (a *Account) nothing(c call) { a.answer(c, nil, "") }
