#!/usr/bin/env node
'use strict'
/* By hand, over years. */ var unused; let
	domain = 'chat.' + "example" + `.com`, base = `/etc/` + 'ssl'
;;
const server = {
	"domain" : domain, 'tls' : { keyPath : base + '/k' + '.pem', certPath : (base + '/c.pem'), },
	mysql : { // ; not the end
		'socket' : '/run/mysqld/mysqld.sock', host : undefined, port : "3306", user : '\x70res\u0065nce',
		pass : 'q\'u"o\
te\\ \u{1F600} \uD83D\uDE00 ü\/\$',
		name : 'wrong', name : `presence`,
	}, tcp : { port : 0x6d38 }
	, ws : { port : 2.797e4, proxy : '' },
	friendcore : null,
	workroom : { subsHaveSuperView : false, supersHaveSubRoom : null, supersSubHideSuper : 0, showUserList : 1 },
	messages : { forceShowRead : true },
	live : { webRTCProxy : 'janus', userLimit : 1_0, isStream : true, recordPath : '/rec' },
	janus : { api_url : null, api_secret : 's', domain : '::1', port : '13132' },
	7 : [ -1, - 0, .5, 5., 1e-7, 1e21, 0b11, 0o17, [ [ ] ], { }, null, true ],
};
server.friendcore = { host : '127.0.0.1' } // no semicolon
server.friendcore['wsPort'] = 6499; server.friendcore.serviceName = "presence"
server.tinyAvatar = { imageSidePX : server.mysql.port, imageSidePx : 64 }
server.tinyAvatar.imageSidePX = 64
exports.unrelated = 'lost, because module.exports is set anew'
const shared = exports.shared = { rtc : { iceServers : [ { urls : 'stun:a.example.com' }, null,
	{ url : [ 'turns:b.example.com?transport=tcp', 'turn:b.example.com:3478' ], username : 'u', credential : 'c' } ] } };
shared.rtc.iceServers[0].urls = 'stun:first.example.com:3478' /* comment
over lines */ ; module.exports = exports = { shared, server, };
