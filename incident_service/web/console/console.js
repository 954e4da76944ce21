// Keeps parts of an open page up to date. Every page works without it.
(() => {
  "use strict";
  const SECONDS = 5;
  const MOST_SECONDS = 60;

  // A part says where its own HTML is: <div id="open" data-fresh="/…">. It is left alone while
  // somebody works in it.
  const isInUse = (part) =>
    part.contains(document.activeElement) || part.querySelector("details[open]") !== null;

  // What protects forms from forgery is another text each second, and no news.
  const news = (html) => html.replace(/name="csrf_token" value="[^"]*"/g, "");

  const refresh = async (part) => {
    const answer = await fetch(part.dataset.fresh, { headers: { Accept: "text/html", "X-Refresh": "1" } });
    if (answer.redirected || answer.status === 404) {
      delete part.dataset.fresh; // the session is over, or the thing is gone
      return;
    }
    if (!answer.ok) throw new Error(`${answer.status}`);
    const html = await answer.text();
    if (news(html) === part.shown || isInUse(part)) return;
    part.shown = news(html);
    part.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  };

  let seconds = SECONDS;
  const turn = async () => {
    if (document.visibilityState === "visible") {
      try {
        for (const part of document.querySelectorAll("[data-fresh]")) await refresh(part);
        seconds = SECONDS;
      } catch {
        seconds = Math.min(2 * seconds, MOST_SECONDS); // the service is away: ask less often
      }
    }
    setTimeout(turn, seconds * 1000);
  };
  if (document.querySelector("[data-fresh]")) setTimeout(turn, seconds * 1000);
})();
// Enter in a text field that has a button of its own presses that button, not the form's first.
document.addEventListener("keydown", (event) => {
  const button = event.key === "Enter" && document.getElementById(event.target.dataset?.presses);
  if (!button) return;
  event.preventDefault();
  button.click();
});
// A form is sent once: a second click would do it again, or say that it was done already.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
// Back shows a page as it was left; its forms can be sent again then.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
