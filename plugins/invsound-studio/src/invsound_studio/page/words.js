// where things are, and what is said
export const at = id => document.getElementById(id);
export const said = text => { at("said").textContent = text; };
export const wrong = text => { at("wrong").textContent = text; };
export const typing = place => place.matches("textarea, select, input[type=text], input:not([type])");

// what goes wrong in it is a sentence on the page
export async function doing(work, words = "") {
  wrong("");
  if (words) said(words);
  try {
    return await work();
  } catch (error) {
    wrong(error.message);
    return undefined;
  } finally {
    if (words && at("said").textContent === words) said(""); // else something was said since
  }
}
