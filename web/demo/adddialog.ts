import type { Account, Identity, Room } from "../sdk";
import { avatar, withPresence } from "./avatar";
import { errorLine, openDialog } from "./dialog";
import { el, fill } from "./dom";
import { icon } from "./icons";
import { openInviteDialog } from "./invitedialog";
import { reason } from "./words";

/** How long to wait for the next key before searching, in milliseconds. */
const PAUSE = 200;

/** openAddDialog lets people into a room. suggestions are names to begin with. */
export function openAddDialog(account: Account, room: Room, suggestions: string[]): void {
	new AddDialog(account, room, suggestions);
}

class AddDialog {
	readonly #account: Account;
	readonly #room: Room;
	readonly #suggestions: string[];
	readonly #input = el("input", {
		id: "person",
		type: "search",
		autocomplete: "off",
		autofocus: true,
		placeholder: "Part of a name",
	});
	readonly #results = el("ul", { class: "people", "aria-label": "People found" });
	readonly #state = el("p", { class: "help", role: "status" });
	readonly #error = errorLine();
	readonly #dialog: HTMLDialogElement;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#turn = 0;

	constructor(account: Account, room: Room, suggestions: string[]) {
		this.#account = account;
		this.#room = room;
		this.#suggestions = suggestions;
		this.#input.addEventListener("input", () => {
			clearTimeout(this.#timer);
			this.#timer = setTimeout(() => void this.#search(), PAUSE);
		});
		this.#dialog = openDialog(
			"Add a person",
			el("div", { class: "stack" }, el("label", { for: "person" }, "Search"), this.#input),
			this.#results,
			this.#state,
			this.#error,
			el(
				"p",
				{ class: "help" },
				"Nobody to be found? ",
				el(
					"button",
					{ type: "button", class: "text-button", onclick: () => this.#inviteInstead() },
					"Invite with a link",
				),
				" works for everybody.",
			),
		);
		void this.#search();
	}

	#inviteInstead(): void {
		this.#dialog.close();
		openInviteDialog(this.#room);
	}

	async #search(): Promise<void> {
		const turn = ++this.#turn;
		const needle = this.#input.value.trim();
		try {
			const found = await find(this.#account, needle ? [needle] : this.#suggestions);
			if (turn === this.#turn)
				this.#show(
					found.filter((i) => i.clientId !== this.#account.id),
					needle,
				);
		} catch (err) {
			if (turn === this.#turn) this.#error.textContent = reason(err);
		}
	}

	#show(people: Identity[], needle: string): void {
		fill(this.#results, ...people.map((person) => this.#choice(person)));
		this.#state.textContent = people.length > 0 ? "" : nobody(needle);
		this.#error.textContent = "";
	}

	#choice(person: Identity): HTMLLIElement {
		const button = el("button", { type: "button", class: "quiet small", "aria-label": `Add ${person.name}` }, "Add");
		button.addEventListener("click", () => void this.#add(person, button));
		return el(
			"li",
			{},
			withPresence(avatar(person.avatar, person.name), person.isOnline),
			el("span", { class: "who" }, person.name, el("small", {}, person.isOnline ? "online" : "offline")),
			this.#room.members.includes(person.clientId) ? done() : button,
		);
	}

	async #add(person: Identity, button: HTMLButtonElement): Promise<void> {
		button.disabled = true;
		try {
			await this.#room.add(person.clientId);
			button.replaceWith(done());
			this.#state.textContent = `${person.name} is in the room now.`;
		} catch (err) {
			button.disabled = false;
			this.#error.textContent = reason(err);
		}
		this.#input.focus();
	}
}

function done(): HTMLElement {
	return el("span", { class: "done" }, icon("check"), "in the room");
}

/** find merges what is found for several needles. */
async function find(account: Account, needles: string[]): Promise<Identity[]> {
	const found = (await Promise.all(needles.map((n) => account.searchUsers(n)))).flat();
	return [...new Map(found.map((i) => [i.clientId, i])).values()];
}

function nobody(needle: string): string {
	return needle
		? `Nobody is called “${needle}”. People can be found once they have signed in.`
		: "Nobody else has signed in yet. Open a second window and choose another person there.";
}
