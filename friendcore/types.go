package friendcore

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// FriendCore reads what it is sent by position and not by name: in each object
// type comes before data, requestid before userid, requestId before response
// (docs/protocol.md 12.2). Hence structs, in this order, and never maps.

type message struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

type credentials struct {
	ServiceKey  string `json:"serviceKey"`
	ServiceName string `json:"serviceName"`
}

type listRequest struct {
	RequestID string `json:"requestid"`
}

type userRequest struct {
	RequestID string `json:"requestid"`
	UserID    string `json:"userid"`
}

type answer struct {
	RequestID string          `json:"requestId"`
	Response  json.RawMessage `json:"response"`
	Error     any             `json:"error"` // a string, or nil
}

type pushRequest struct {
	RequestID    string   `json:"requestid"`
	Notification pushBody `json:"notification"`
}

// pushBody is read key by key, but login names at the end of users that begin like
// a key ("tim") cost the key behind them. Hence users first and then the time,
// without which FriendCore can do.
type pushBody struct {
	Users       []string `json:"users"`
	TimeCreated int64    `json:"timecreated"`
	ChannelID   string   `json:"channel_id"`
	Type        int      `json:"notification_type"`
	Title       string   `json:"title"`
	Message     string   `json:"message"`
	Extra       *string  `json:"extra"`
	Application string   `json:"application"`
}

func authenticateFrame(key, name string) []byte {
	return encode(message{"authenticate", credentials{key, name}})
}

func pingFrame(millis int64) []byte {
	return encode(message{"ping", strconv.FormatInt(millis, 10)})
}

func userListFrame(id string) []byte {
	return encode(message{"service", message{"user", message{"list", listRequest{id}}}})
}

func userGetFrame(id, user string) []byte {
	return encode(message{"service", message{"user", message{"get", userRequest{id, user}}}})
}

func groupListFrame(id string) []byte {
	return encode(message{"service", message{"group", message{"list", listRequest{id}}}})
}

func answerFrame(a answer) []byte {
	return encode(message{"service", message{"room", a}})
}

// encode is marshal for our own types, which cannot fail.
func encode(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic("friendcore: " + err.Error())
	}
	return b
}

// marshal writes JSON as it stands: FriendCore hands responses on as text, and
// nobody there reads "\u0026" as "&".
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
