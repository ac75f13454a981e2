package cfg

import "time"

// keyName names one setting.
type keyName struct{ section, key string }

// setting ties a key of presence.ini to its field in a Config.
type setting struct {
	keyName
	field
}

const (
	iceSection   = "ice"
	usersSection = "local_users"

	day = 24 * time.Hour
)

// settings is the table of all keys with a fixed name, in the order of
// example.presence.ini. [ice "NAME"] and the logins in [local_users] come on top,
// see named.go.
func (c *Config) settings() []setting {
	var all []setting
	for _, s := range []struct {
		section string
		keys    []namedField
	}{
		{"server", c.Server.keys()},
		{"tls", c.TLS.keys()},
		{"tcp", c.TCP.keys()},
		{"ws", c.WS.keys()},
		{"admin", c.Admin.keys()},
		{"database", c.Database.keys()},
		{"friendcore", c.FriendCore.keys()},
		{usersSection, []namedField{{"allow_remote", boolean(&c.LocalUsers.AllowRemote)}}},
		{"session", c.Session.keys()},
		{"room", c.Room.keys()},
		{"workroom", c.Workroom.keys()},
		{"messages", c.Messages.keys()},
		{"tiny_avatar", []namedField{{"image_side_px", integer(&c.TinyAvatar.ImageSidePX, 16, 512)}}},
		{"live", c.Live.keys()},
		{"janus", c.Janus.keys()},
		{"turn", c.TURN.keys()},
		{"limits", c.Limits.keys()},
		{"log", c.Log.keys()},
	} {
		for _, k := range s.keys {
			all = append(all, setting{keyName{s.section, k.key}, k.field})
		}
	}
	return all
}

type namedField struct {
	key   string
	field field
}

func (s *Server) keys() []namedField {
	return []namedField{
		{"domain", text(&s.Domain, needed, isHost)},
		{"data_dir", text(&s.DataDir, needed)},
	}
}

func (t *TLS) keys() []namedField {
	return []namedField{
		{"key_path", text(&t.KeyPath)},
		{"cert_path", text(&t.CertPath)},
		{"off", boolean(&t.Off)},
	}
}

func (t *TCP) keys() []namedField {
	return []namedField{
		{"enabled", boolean(&t.Enabled)},
		{"bind", text(&t.Bind, isBind)},
		{"port", port(&t.Port)},
	}
}

func (w *WS) keys() []namedField {
	return []namedField{
		{"bind", text(&w.Bind, isBind)},
		{"port", port(&w.Port)},
		{"proxy", text(&w.Proxy, isFolderPath)},
		{"origins", list(&w.Origins, isOrigin)},
	}
}

func (a *Admin) keys() []namedField {
	return []namedField{
		{"listen", text(&a.Listen, isListen)},
		{"token", secret(&a.Token)},
	}
}

func (d *Database) keys() []namedField {
	return []namedField{
		{"driver", text(&d.Driver, oneOf("sqlite", "mysql"))},
		{"file", text(&d.File, needed)},
		{"socket", text(&d.Socket)},
		{"host", text(&d.Host, needed, isHost)},
		{"port", port(&d.Port)},
		{"user", text(&d.User)},
		{"pass", secret(&d.Pass)},
		{"name", text(&d.Name)},
	}
}

func (f *FriendCore) keys() []namedField {
	return []namedField{
		{"dir", text(&f.Dir)},
		{"host", text(&f.Host, needed, isHost)},
		{"port", port(&f.Port)},
		{"use_tls", boolean(&f.UseTLS)},
		{"ca_file", text(&f.CAFile)},
		{"insecure", boolean(&f.Insecure)},
		{"ws_port", port(&f.WSPort)},
		{"ws_use_tls", boolean(&f.WSUseTLS)},
		{"ws_proxy", text(&f.WSProxy, isPath)},
		{"service_key", secret(&f.ServiceKey)},
		{"service_name", text(&f.ServiceName, needed, isServiceName)},
		{"log_events", boolean(&f.LogEvents)},
	}
}

func (s *Session) keys() []namedField {
	return []namedField{
		{"login_timeout", duration(&s.LoginTimeout, time.Second, 10*time.Minute)},
		{"grace", duration(&s.Grace, time.Second, time.Hour)},
		{"grace_buffer", size(&s.GraceBuffer, 16*kib, 64*mib)},
		{"ping", duration(&s.Ping, time.Second, 10*time.Minute)},
		{"dead_after", duration(&s.DeadAfter, 2*time.Second, time.Hour)},
	}
}

func (r *Room) keys() []namedField {
	return []namedField{
		{"empty_after", duration(&r.EmptyAfter, time.Second, 7*day)},
		{"recent_for", duration(&r.RecentFor, time.Minute, 30*day)},
	}
}

func (w *Workroom) keys() []namedField {
	return []namedField{
		{"subs_have_super_view", boolean(&w.SubsHaveSuperView)},
		{"supers_have_sub_room", boolean(&w.SupersHaveSubRoom)},
		{"supers_sub_hide_super", boolean(&w.SupersSubHideSuper)},
		{"show_user_list", boolean(&w.ShowUserList)},
	}
}

func (m *Messages) keys() []namedField {
	return []namedField{
		{"force_show_read", boolean(&m.ForceShowRead)},
		{"max_size", size(&m.MaxSize, kib, mib)},
		{"edit_grace", duration(&m.EditGrace, time.Second, 365*day)},
	}
}

func (l *Live) keys() []namedField {
	return []namedField{
		{"user_limit", integer(&l.UserLimit, 0, 100000)},
		{"mode", text(&l.Mode, oneOf("auto", "mesh", "janus"))},
		{"mesh_limit", integer(&l.MeshLimit, 2, 100)},
		{"is_stream", optionalBool(&l.IsStream)},
		{"is_recording", optionalBool(&l.IsRecording)},
		{"record_path", text(&l.RecordPath)},
	}
}

func (j *Janus) keys() []namedField {
	return []namedField{
		{"servers", list(&j.Servers, urlItem(true, "ws", "wss"))},
		{"api_secret", secret(&j.APISecret)},
		{"token", secret(&j.Token)},
		{"admin_key", secret(&j.AdminKey)},
		{"static_rooms", boolean(&j.StaticRooms)},
	}
}

func (s *ICEServer) keys() []namedField {
	return []namedField{
		{"urls", list(&s.URLs, isICE)},
		{"username", text(&s.Username)},
		{"credential", secret(&s.Credential)},
	}
}

func (t *TURN) keys() []namedField {
	return []namedField{
		{"enabled", boolean(&t.Enabled)},
		{"listen", text(&t.Listen, needed, isListen)},
		{"public_ip", optionalAddr(&t.PublicIP)},
		{"relay_ports", portRange(&t.RelayPorts)},
		{"realm", text(&t.Realm)},
		{"secret", secret(&t.Secret)},
		{"ttl", duration(&t.TTL, time.Minute, 7*day)},
		{"allow_peers", prefixes(&t.AllowPeers)},
		{"max_allocations", integer(&t.MaxAllocations, 1, 1000000)},
		{"max_allocations_per_user", integer(&t.MaxAllocationsPerUser, 1, 10000)},
		{"idle", duration(&t.Idle, time.Minute, day)},
		{"tls_port", integer(&t.TLSPort, 0, 65535)},
		{"hide_addresses", boolean(&t.HideAddresses)},
	}
}

func (l *Limits) keys() []namedField {
	return []namedField{
		{"size_before_login", size(&l.SizeBeforeLogin, 4*kib, mib)},
		{"size_after_login", size(&l.SizeAfterLogin, 64*kib, 64*mib)},
		{"unauthenticated_per_address", integer(&l.UnauthenticatedPerAddress, 1, 100000)},
		{"failures_per_address", integer(&l.FailuresPerAddress, 1, 100000)},
		{"connections_per_address", integer(&l.ConnectionsPerAddress, 0, 1000000)},
		{"rate", integer(&l.Rate, 1, 100000)},
		{"burst", integer(&l.Burst, 1, 1000000)},
		{"trusted", prefixes(&l.Trusted)},
		{"trusted_proxies", prefixes(&l.TrustedProxies)},
	}
}

func (l *Log) keys() []namedField {
	return []namedField{
		{"level", level(&l.Level)},
		{"format", text(&l.Format, oneOf("text", "json"))},
		{"file", text(&l.File)},
	}
}
