"use strict";

// Everything that came from a prompt is written with textContent; the server's policy admits no other script.
(() => {
  const root = document.documentElement;
  const part = (id) => document.getElementById(id);
  const video = part("clip");
  const choices = [...part("answers").querySelectorAll("button")];
  const hints = { picture: "Look", sound: "Listen", both: "Look and listen" };
  const keys = { y: "yes", n: "no", " ": "cannot tell" };
  let state = null;
  let busy = true;
  let ended = false;
  let loaded = null;

  function note(text) {
    part("note").textContent = text;
    part("note").hidden = !text;
  }

  function seen() {
    return loaded === video.getAttribute("src") || video.error !== null; // readyState falls while it is wound back
  }

  function settle() {
    const open = !busy && !ended && state !== null && state.question !== null && seen();
    for (const button of choices) button.disabled = !open;
    part("undo").disabled = busy || ended || state === null || !state.undo;
    root.dataset.state = ended ? "ended" : state === null ? "loading" : state.question === null ? "done" : open ? "ready" : "waiting";
    if (state !== null) root.dataset.serial = String(state.serial);
  }

  function hear() {
    const deaf = state !== null && state.modality !== null && state.modality !== "picture" && (video.muted || video.volume === 0);
    if (video.error !== null) {
      note("This browser cannot play the clip: answer \u201ccannot tell\u201d, or use --terminal with a player of your own.");
    } else {
      note(deaf ? "The sound is off, and this question is about what is heard." : "");
    }
  }

  function play() {
    video.currentTime = 0;
    video.play().catch(() => {}); // a browser may want a click before it plays sound
  }

  function show(next) {
    state = next;
    ended = false;
    const asked = next.question !== null;
    part("bar").max = next.total;
    part("bar").value = next.done;
    part("place").textContent = asked ? `${next.done + 1} of ${next.total}` : `${next.total} of ${next.total}`;
    part("asking").hidden = !asked;
    part("ended").hidden = asked;
    part("again").hidden = !asked;
    for (const button of choices) button.classList.remove("said");
    if (asked) {
      part("question").textContent = next.question;
      part("hint").textContent = hints[next.modality];
      const source = `clip/${next.clip}`;
      if (video.getAttribute("src") !== source) {
        loaded = null;
        video.setAttribute("src", source);
      }
      play();
      hear();
    } else {
      part("end").textContent = "All questions are answered";
      loaded = null;
      video.removeAttribute("src");
      video.load();
    }
    settle();
  }

  async function send(place, body) {
    if (busy) return;
    busy = true;
    settle();
    try {
      const reply = await fetch(place, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const value = await reply.json();
      busy = false;
      if (value.error) {
        note(`${value.error}. Answer again once that is put right.`);
      } else if (value.stopped) {
        ended = true;
        video.pause();
        part("asking").hidden = true;
        part("ended").hidden = false;
        part("below").hidden = true;
        part("end").textContent = "Stopped. The same command goes on from here.";
      } else {
        show(value);
      }
    } catch {
      busy = false;
      note("The program that serves this page does not answer: was it ended? The last answer may not be stored.");
    }
    settle();
  }

  function answer(word) {
    if (busy || state === null || state.question === null || !seen()) return;
    for (const button of choices) button.classList.toggle("said", button.dataset.answer === word);
    send("answer", { serial: state.serial, answer: word });
  }

  function undo() {
    if (!busy && state !== null && state.undo) send("undo", { serial: state.serial });
  }

  for (const button of choices) {
    button.addEventListener("click", () => {
      button.blur(); // or the space bar would press it again
      answer(button.dataset.answer);
    });
  }
  part("undo").addEventListener("click", () => { part("undo").blur(); undo(); });
  part("again").addEventListener("click", () => { part("again").blur(); play(); });
  part("stop").addEventListener("click", () => send("stop", {}));
  video.addEventListener("loadeddata", () => { loaded = video.getAttribute("src"); hear(); settle(); });
  video.addEventListener("error", () => { hear(); settle(); });
  video.addEventListener("volumechange", hear);

  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (!(key in keys) && key !== "u" && key !== "r") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat || ended) return; // a key held down is one answer
    if (key in keys) answer(keys[key]);
    else if (key === "u") undo();
    else play();
  }, true);
  window.addEventListener("keyup", (event) => {
    if (event.key === " ") event.preventDefault();
  }, true);

  fetch("state").then((reply) => reply.json()).then((value) => {
    busy = false;
    show(value);
  }).catch(() => {
    part("asking").hidden = false;
    note("The program that serves this page does not answer: was it ended?");
  });
})();
