// Signs an approval in the browser. The key file is read here, used once, and wiped; what is sent is
// the signed envelope (DSSE 1.0 around an in-toto v1 statement).
"use strict";

(() => {
  const form = document.getElementById("approval");
  if (!form) return;
  const status = document.getElementById("approval-status");
  const preview = document.getElementById("statement");
  const button = form.querySelector("button[type=submit]");
  const data = form.dataset;
  const encoder = new TextEncoder();

  if (!globalThis.crypto?.subtle) {
    status.textContent = "This browser signs only over HTTPS or on this machine itself. Use the command below.";
    return;
  }

  // RFC 8785: keys by UTF-16 code unit, strings as ECMAScript writes them. The statement holds no numbers.
  function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value !== null && typeof value === "object") {
      const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
      return `{${members.join(",")}}`;
    }
    return JSON.stringify(value);
  }

  function statement() {
    const fields = new FormData(form);
    return {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: data.modelName, digest: { sha256: data.artefactSha256 } }],
      predicateType: data.predicateType,
      predicate: {
        verdict: fields.get("verdict") ?? "approve or reject",
        model_id: data.modelId,
        evaluation_event_id: data.evaluationEventId,
        comment: (fields.get("comment") ?? "").trim(),
        signed_at: new Date().toISOString(),
      },
    };
  }

  const show = (made) => { preview.textContent = JSON.stringify(made, null, 2); };

  // Pre-authentication encoding of DSSE: what is signed.
  function preAuthentication(type, body) {
    const head = encoder.encode(`DSSEv1 ${encoder.encode(type).length} ${type} ${body.length} `);
    const joined = new Uint8Array(head.length + body.length);
    joined.set(head);
    joined.set(body, head.length);
    return joined;
  }

  function base64(bytes) {
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }

  // Ed25519 in PKCS#8 (RFC 8410, RFC 5958). Version 2 carries the public key behind the seed, which
  // browsers refuse, so the seed is put into a version 1 document.
  const PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
  function versionOne(bytes) {
    const fits = bytes.length >= 48 && bytes[0] === 0x30 && bytes[1] === bytes.length - 2 &&
      bytes[4] <= 1 && PREFIX.every((byte, i) => i === 1 || i === 4 || bytes[i] === byte);
    if (!fits) throw new Error("This file is no Ed25519 key in PKCS#8. Choose the one that chancery keys new wrote.");
    const document = new Uint8Array(48);
    document.set(PREFIX);
    document.set(bytes.subarray(16, 48), 16);
    return document;
  }

  async function publicKeyOf(pkcs8) {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", key);
    const text = atob(x.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }

  async function keyId(publicKey) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey));
    return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function sign(file, message) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let pkcs8;
    try {
      pkcs8 = versionOne(bytes);
      const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
      const signature = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key, message));
      return { keyid: await keyId(await publicKeyOf(pkcs8)), sig: base64(signature) };
    } finally {
      bytes.fill(0);
      pkcs8?.fill(0);
    }
  }

  async function envelope() {
    const made = statement();
    show(made);
    const body = encoder.encode(canonical(made));
    const signature = await sign(form.elements.key.files[0], preAuthentication(data.payloadType, body));
    return { payload: base64(body), payloadType: data.payloadType, signatures: [signature] };
  }

  async function send(signed) {
    const response = await fetch(data.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": data.csrf },
      body: JSON.stringify(signed),
      credentials: "same-origin",
      redirect: "error",
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail ?? `The server answered ${response.status}.`);
    return answer;
  }

  form.addEventListener("input", () => show(statement()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.className = "";
    status.textContent = "Signing …";
    try {
      const answer = await send(await envelope());
      status.textContent = "On record.";
      location.assign(answer.next);
    } catch (error) {
      status.className = "notice bad";
      status.textContent = `Not sent: ${error.message}`;
      button.disabled = false;
    }
  });

  show(statement());
  status.textContent = "";
  button.disabled = false;
})();
