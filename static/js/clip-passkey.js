/** <clip-passkey>: a form whose `answer` comes from a passkey. `data-act` is "create" or "get",
    `data-options` are the options of navigator.credentials, with bytes in base64url. */

/** @param {string} text in base64url */
const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (it) => it.charCodeAt(0));

/** @param {ArrayBuffer} bytes */
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** @param {{ id: string }[] | undefined} list */
const descriptors = (list) => (list ?? []).map((it) => ({ ...it, id: toBytes(it.id) }));

/** @param {any} options as JSON */
function parsed(options) {
  const bytes = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) bytes.user = { ...options.user, id: toBytes(options.user.id) };
  if (options.allowCredentials) bytes.allowCredentials = descriptors(options.allowCredentials);
  if (options.excludeCredentials)
    bytes.excludeCredentials = descriptors(options.excludeCredentials);
  return bytes;
}

/** @param {any} credential a PublicKeyCredential */
function asJson({ id, rawId, type, response }) {
  /** @type {Record<string, string>} */
  const inner = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
    if (response[name]) inner[name] = toText(response[name]);
  }
  if (response.userHandle) inner.userHandle = toText(response.userHandle);
  return JSON.stringify({ id, rawId: toText(rawId), type, response: inner });
}

/** @type {Record<string, string>} the browser's errors */
const SENTENCES = {
  InvalidStateError:
    "This device already has a passkey for your account. Use another device, or cancel.",
  SecurityError: "Your browser doesn't allow passkeys at this address.",
};
const NOT_DONE = "That didn't work, or it was canceled. Try again.";

class ClipPasskey extends HTMLElement {
  connectedCallback() {
    if (!window.PublicKeyCredential) return;
    this.querySelector("[data-without]").hidden = true;
    this.querySelector("button").hidden = false;
    // In the capture phase: the page's lock against a second submit must not see this one.
    this.addEventListener("submit", (event) => this.ask(event), { capture: true });
  }

  /** @param {Event} event */
  async ask(event) {
    const form = this.querySelector("form");
    const answer = form.querySelector("[name=answer]");
    if (answer.value) return;
    event.preventDefault();
    event.stopPropagation();
    const error = this.querySelector("[data-error]");
    error.hidden = true;
    const publicKey = parsed(JSON.parse(this.dataset.options ?? "{}"));
    try {
      const asked = { publicKey };
      const made =
        this.dataset.act === "create"
          ? await navigator.credentials.create(asked)
          : await navigator.credentials.get(asked);
      answer.value = asJson(made);
      form.submit();
    } catch (problem) {
      error.querySelector("span").textContent = SENTENCES[problem.name] ?? NOT_DONE;
      error.hidden = false;
    }
  }
}

customElements.define("clip-passkey", ClipPasskey);
