// Written by the installer of Friend Chat: its answers stand in place of the
// placeholders, all else is as it was delivered.

const server = {
	mysql : {
		socket : null,
		host   : 'localhost',
		port   : 3306,
		user   : 'presence',
		pass   : 'pa\'ss;#"1',
		name   : 'presence',
	},
	tls : {
		keyPath  : '/opt/friendos/cfg/crt/key.pem',
		certPath : '/opt/friendos/cfg/crt/certificate.pem',
		key      : null,
		cert     : null,
	},
	domain : 'friend.example.com',
	tcp : {
		port  : 27960,
		proxy : null,
	},
	ws : {
		port  : 27970,
		proxy : '/presence/guest/',
	},
	friendcore : {
		host        : 'friend.example.com',
		port        : 6502,
		proxy       : null,
		useTLS      : false,
		wsPort      : 6498,
		wsProxy     : null,
		serviceKey  : null,
		serviceName : 'presence',
		logEvents   : false,
	},
	account : {
		settings : {
		},
	},
	room : {
		settings : {
		},
	},
	workroom : {
		subsHaveSuperView  : true,
		supersHaveSubRoom  : true,
		supersSubHideSuper : true,
		showUserList       : true,
	},
	messages : {
		forceShowRead : false,
	},
	tinyAvatar : {
		imageSidePX : 128,
	},
	live : {
		userLimit   : 0,
		webRTCProxy : null,
		isStream    : null,
		isRecording : null,
		recordPath  : null,
	},
	janus : {
		api_url    : null,
		api_secret : null,
		domain     : 'localhost',
		port       : 13131,
	},
};

const shared = {
	rtc : {
		iceServers : [
			{
				urls : [
					"stun:stun.example.com:3478",
				],
			},
			{
				urls : [
					"turn:turn.example.com:3478",
				],
				username   : 'friend',
				credential : 'turn-secret',
			},
		],
	},
};

const conf = {
	shared : shared,
	server : server,
};

module.exports = conf;
