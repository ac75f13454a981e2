import type { RoomId } from "../sdk";

/** Route is what the part of the address behind # says. */
export interface Route {
	room: RoomId | null;
	join: { room: RoomId; token: string } | null;
}

export function currentRoute(): Route {
	const hash = location.hash;
	const room = /^#room=([^,]+)$/.exec(hash)?.[1] ?? null;
	const join = /^#join=([^,]+),([^,]+)$/.exec(hash);
	return { room, join: join ? { room: join[1]!, token: join[2]! } : null };
}

export function roomAddress(id: RoomId): string {
	return `#room=${id}`;
}

/** inviteAddress is the link that lets whoever opens it join the room. */
export function inviteAddress(id: RoomId, token: string): string {
	const url = new URL(location.href);
	url.hash = `join=${id},${token}`;
	return url.href;
}

/** go changes the address; replace leaves no trace of the one before. */
export function go(address: string, replace = false): void {
	if (address === (location.hash || "#")) return;
	const full = address === "#" ? location.pathname + location.search : address;
	if (replace) history.replaceState(null, "", full);
	else history.pushState(null, "", full);
	window.dispatchEvent(new Event("hashchange"));
}
