// what the page asks of the server, with the token of its address and a name for this tab
const token = new URLSearchParams(location.search).get("token") ?? "";
const tab = sessionStorage.tab ??= [...crypto.getRandomValues(new Uint8Array(12))].map(n => n.toString(16).padStart(2, "0")).join("");
const headers = { "X-Invsound-Token": token, "X-Invsound-Tab": tab };

async function answer(path, options) {
  let response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch {
    throw new Error("The studio does not answer: it has ended. Start it again with invsound studio, and open the address that it prints.");
  }
  if (response.ok) return response;
  const text = await response.text();
  try { throw new Error(JSON.parse(text).error); } catch (error) { throw error instanceof SyntaxError ? new Error(text) : error; }
}

export const get = async path => (await answer(path, { headers })).json();
export const post = async (path, body) => (await send(path, JSON.stringify(body))).json();
export const send = (path, body) => answer(path, { method: "POST", headers, body });
export const samples = async response => new Float32Array(await response.arrayBuffer());
export const getSamples = async path => samples(await answer(path, { headers }));
export const getBytes = async path => (await answer(path, { headers })).arrayBuffer();
export const decoded = text => new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
