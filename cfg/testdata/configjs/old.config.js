/*
 * An installation of the first years: var, no service connection, and the names
 * that the media bridge had then.
 */
var server = {
	mysql : {
		host : '10.1.2.3',
		port : '3307',
		user : 'presence',
		pass : 'old-secret',
		name : 'presence',
	},
	tls : {
		keyPath  : 'cfg/key.pem',
		certPath : 'cfg/cert.pem',
		key      : null,
		cert     : null,
	},
	domain : 'old.example.com',
	tcp : {
		port  : 27960,
		proxy : null,
	},
	ws : {
		port : 27970,
		proxy : null,
		// proxy : '/presence/guest/',
	},
	friendcore : {
		host  : 'core.example.com',
		port  : 443,
	},
	account : {
		settings : {
			hideInSearch : true,
		},
	},
	room : {
		settings : {
		},
	},
	streamProxy    : null,
	classroomProxy : 'janus',
	janus : {
		api_url    : "https://janus.example.com:8089/janus/",
		api_secret : 'janus-secret',
	},
};

var shared = {
	rtc : {
		iceServers : [
			{
				url : "stun:stun_url.com",
			},
			{
				urls : [
					"turn:turn_url.com",
				],
				username : 'turn_username',
				credential : 'turn_password',
			},
		],
	},
};

var conf = {
	shared : shared,
	server : server,
};

module.exports = conf;
