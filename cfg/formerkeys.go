package cfg

import (
	"slices"
	"strings"
)

// formerKind is what the former server took as the value of a key.
type formerKind int

const (
	formerText   formerKind = iota // null: the default counts
	formerNumber                   // or a text of digits; null: the default counts
	formerMaybe                    // a text, or null for none
	formerSwitch                   // true, false, 1 or 0; null is false
	formerOpen                     // true, false, or null to leave it open
	formerFolder                   // the public path in front of the websocket, or null for none
	formerBridge                   // says whether there is a Janus, or where
	formerICE                      // a list of STUN and TURN servers
	formerUnused                   // has no meaning here
)

// formerKey is a key of config.js.
type formerKey struct {
	path string // below module.exports
	kind formerKind
	to   keyName // in presence.ini; none with formerBridge and later kinds
	why  string  // formerUnused: why it has no meaning
}

// formerKeys is the table of all keys of config.js, those of old versions included.
// The last part adds keys that the former server did not have and did not look at.
func formerKeys() []formerKey {
	const neither = "the former server did not use it either"
	return []formerKey{
		{path: "server.domain", to: keyName{"server", "domain"}},
		{path: "server.mysql.socket", kind: formerMaybe, to: keyName{"database", "socket"}},
		{path: "server.mysql.host", to: keyName{"database", "host"}},
		{path: "server.mysql.port", kind: formerNumber, to: keyName{"database", "port"}},
		{path: "server.mysql.user", to: keyName{"database", "user"}},
		{path: "server.mysql.pass", to: keyName{"database", "pass"}},
		{path: "server.mysql.name", to: keyName{"database", "name"}},
		{path: "server.tls.keyPath", kind: formerMaybe, to: keyName{"tls", "key_path"}},
		{path: "server.tls.certPath", kind: formerMaybe, to: keyName{"tls", "cert_path"}},
		{path: "server.tls.key", kind: formerUnused, why: neither + "; the file is named in server.tls.keyPath"},
		{path: "server.tls.cert", kind: formerUnused, why: neither + "; the file is named in server.tls.certPath"},
		{path: "server.tcp.port", kind: formerNumber, to: keyName{"tcp", "port"}},
		{path: "server.tcp.proxy", kind: formerUnused, why: neither},
		{path: "server.ws.port", kind: formerNumber, to: keyName{"ws", "port"}},
		{path: "server.ws.proxy", kind: formerFolder, to: keyName{"ws", "proxy"}},
		{path: "server.friendcore.host", to: keyName{"friendcore", "host"}},
		{path: "server.friendcore.port", kind: formerNumber, to: keyName{"friendcore", "port"}},
		{path: "server.friendcore.proxy", kind: formerUnused, why: neither},
		{path: "server.friendcore.useTLS", kind: formerSwitch, to: keyName{"friendcore", "ws_use_tls"}},
		{path: "server.friendcore.wsPort", kind: formerNumber, to: keyName{"friendcore", "ws_port"}},
		{path: "server.friendcore.wsProxy", kind: formerMaybe, to: keyName{"friendcore", "ws_proxy"}},
		{path: "server.friendcore.serviceKey", to: keyName{"friendcore", "service_key"}},
		{path: "server.friendcore.serviceName", to: keyName{"friendcore", "service_name"}},
		{path: "server.friendcore.logEvents", kind: formerSwitch, to: keyName{"friendcore", "log_events"}},
		{path: "server.account.settings", kind: formerUnused, why: "new accounts begin without settings"},
		{path: "server.room.settings", kind: formerUnused, why: neither},
		{path: "server.workroom.subsHaveSuperView", kind: formerSwitch, to: keyName{"workroom", "subs_have_super_view"}},
		{path: "server.workroom.supersHaveSubRoom", kind: formerSwitch, to: keyName{"workroom", "supers_have_sub_room"}},
		{path: "server.workroom.supersSubHideSuper", kind: formerSwitch, to: keyName{"workroom", "supers_sub_hide_super"}},
		{path: "server.workroom.showUserList", kind: formerSwitch, to: keyName{"workroom", "show_user_list"}},
		{path: "server.messages.forceShowRead", kind: formerSwitch, to: keyName{"messages", "force_show_read"}},
		{path: "server.tinyAvatar.imageSidePX", kind: formerNumber, to: keyName{"tiny_avatar", "image_side_px"}},
		{path: "server.live.userLimit", kind: formerNumber, to: keyName{"live", "user_limit"}},
		{path: "server.live.webRTCProxy", kind: formerBridge},
		{path: "server.live.isStream", kind: formerOpen, to: keyName{"live", "is_stream"}},
		{path: "server.live.isRecording", kind: formerOpen, to: keyName{"live", "is_recording"}},
		{path: "server.live.recordPath", kind: formerMaybe, to: keyName{"live", "record_path"}},
		{path: "server.janus.api_url", kind: formerBridge},
		{path: "server.janus.api_secret", kind: formerMaybe, to: keyName{"janus", "api_secret"}},
		{path: "server.janus.domain", kind: formerBridge},
		{path: "server.janus.port", kind: formerBridge},
		{path: "server.streamProxy", kind: formerBridge},
		{path: "server.classroomProxy", kind: formerBridge},
		{path: "shared.rtc.iceServers", kind: formerICE},
		{path: "shared.wsHost", kind: formerUnused, why: "it is made of server.domain with server.ws.proxy or server.ws.port, as before"},

		// What an existing installation may need that could not be said before.
		{path: "server.admin.listen", kind: formerMaybe, to: keyName{"admin", "listen"}},
		{path: "server.friendcore.caFile", kind: formerMaybe, to: keyName{"friendcore", "ca_file"}},
		{path: "server.friendcore.insecure", kind: formerSwitch, to: keyName{"friendcore", "insecure"}},
	}
}

// formerPath is the path in config.js of a setting; empty if it has none.
func formerPath(name keyName) string {
	for _, k := range formerKeys() {
		if k.to == name {
			return k.path
		}
	}
	return ""
}

// splitPath cuts the last name off a path.
func splitPath(path string) (holder, name string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// placeholders are the values of the former example.config.js, and the answers that
// Friend Chat's installer offers: nobody replaced them.
var placeholders = []string{
	"presence_database_host", "presence_database_user", "presence_database_password", "presence_database_name",
	"path_to_key.pem", "path_to_cert.pem", "presence_domain", "friendcore_domain",
	"stun_url.com", "turn_url.com", "turn_username", "turn_password",
	"your_stun_server.com:xxxx", "your_turn_server.com:xxxx", "your_turn_username", "your_turn_password",
}

// isPlaceholder knows also what FriendUP's updateDomain.sh is to replace.
func isPlaceholder(text string) bool {
	return slices.Contains(placeholders, text) || strings.Contains(text, "{YourDomain}")
}

// isICEPlaceholder knows placeholders behind stun: or turn:, and an address that the
// installer left empty.
func isICEPlaceholder(text string) bool {
	_, address, isURL := strings.Cut(text, ":")
	address, _, _ = strings.Cut(address, "?")
	host, _, _ := strings.Cut(address, ":")
	return isPlaceholder(text) || isURL && (host == "" || isPlaceholder(host) || isPlaceholder(address))
}
