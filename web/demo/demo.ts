import { Connection, type Ending } from "../sdk";
import { el } from "./dom";
import { logo } from "./logo";
import { currentRoute, go } from "./route";
import { signIn } from "./signin";
import { chosen, hold, loadUsers, type DemoUser } from "./users";
import { Workspace } from "./workspace";
import "./demo.css";
import "./call.css";

/** Demo leads from the choice of a person to that person's workspace and back. */
class Demo {
	readonly #root: HTMLElement;
	#users: DemoUser[] = [];
	#leave = () => {};

	constructor(root: HTMLElement) {
		this.#root = root;
	}

	async start(): Promise<void> {
		try {
			this.#users = await loadUsers();
		} catch {
			this.#stop(
				"The server does not answer",
				"Is “presence demo” running? Start it, then try again.",
				"Try again",
				() => void this.start(),
			);
			return;
		}
		const user = this.#users.find((u) => u.login === chosen.get());
		if (user) this.#enter(user);
		else this.#choose();
	}

	#show(page: HTMLElement): void {
		this.#root.replaceChildren(page);
	}

	#choose(): void {
		this.#leave();
		chosen.clear();
		document.title = "Presence demo";
		this.#show(signIn(this.#users, currentRoute().join !== null, (user) => this.#enter(user)));
	}

	#enter(user: DemoUser): void {
		chosen.set(user.login);
		const connection = new Connection(socketAddress(), () => this.#credentials(user.login));
		const release = hold(user.login);
		const workspace = new Workspace({
			user,
			others: this.#users.filter((u) => u !== user),
			connection,
			leave: () => {
				go("#", true);
				this.#choose();
				this.#root.querySelector<HTMLElement>("h1")?.focus();
			},
		});
		this.#leave = () => {
			this.#leave = () => {};
			release();
			workspace.close();
		};
		connection.on("state", (state) => state.name === "ended" && this.#ended(user, state.why));
		this.#show(workspace.element);
		workspace.focus();
	}

	/** credentials asks anew each time: the demo may have been started afresh. */
	async #credentials(login: string): Promise<{ login: string; authId: string }> {
		const user = (await loadUsers()).find((u) => u.login === login);
		return user ?? { login, authId: "gone" };
	}

	#ended(user: DemoUser, why: Ending): void {
		if (why === "left") return;
		this.#leave();
		const name = user.name;
		if (why === "refused") {
			this.#stop(
				"The server did not let you in",
				`It does not accept ${name} at the moment.`,
				"Try again",
				() => void this.start(),
			);
		} else {
			this.#stop(
				"You were signed out",
				`The server has ended the session of ${name}.`,
				"Sign in again",
				() => void this.start(),
			);
		}
	}

	/** stop shows a page that says why it does not go on, and how it would. */
	#stop(title: string, text: string, action: string, act: () => void): void {
		const button = el("button", { type: "button", class: "primary", onclick: act }, action);
		const other = el("button", { type: "button", class: "quiet", onclick: () => this.#choose() }, "Be another person");
		this.#show(
			el(
				"main",
				{ class: "sign-in", id: "main" },
				el(
					"div",
					{ class: "card", role: "alert" },
					logo(),
					el("h1", {}, title),
					el("p", {}, text),
					el("div", { class: "buttons" }, button, this.#users.length > 0 && other),
				),
			),
		);
		button.focus();
	}
}

/** socketAddress is where this page came from: it may lie below a proxy's path. */
function socketAddress(): string {
	const url = new URL("./", location.href);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	return url.href;
}

/** The address behind # says which room is open, so that the link must not change it. */
document.querySelector(".skip")?.addEventListener("click", (e) => {
	e.preventDefault();
	document.querySelector<HTMLElement>("#composer, #main button")?.focus();
});

void new Demo(document.getElementById("app") as HTMLElement).start();
