"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  // what went wrong is on the page's root element, so that a check can read it without a console
  root.dataset.errors = "0";
  const complain = (text) => {
    root.dataset.errors = String(Number(root.dataset.errors) + 1);
    root.dataset.lastError = text;
  };
  addEventListener("error", (event) => complain(String(event.message)));
  addEventListener("unhandledrejection", (event) => complain(String(event.reason)));
  document.addEventListener("securitypolicyviolation", (event) => complain(event.violatedDirective));

  // two systems at a time
  const pairs = [...document.querySelectorAll(".pair")];
  const chosen = byId("pair");
  if (chosen) {
    const show = () => {
      for (const pair of pairs) {
        pair.hidden = pair.id !== chosen.value;
        if (pair.hidden) for (const video of pair.querySelectorAll("video")) video.pause();
      }
    };
    byId("pair-tools").hidden = false;
    byId("pair-tools").addEventListener("submit", (event) => event.preventDefault());
    chosen.addEventListener("change", show);
    show();
  }

  // the prompts of one dimension, in its order
  for (const pair of pairs) {
    const tools = pair.querySelector(".sorts");
    if (!tools) continue;
    const holder = pair.querySelector(".cards");
    const cards = [...holder.children];
    const choice = tools.querySelector(".choice");
    const arrange = () => {
      const rank = (card) => card.getAttribute("data-rank-" + choice.value);
      for (const card of cards) card.hidden = rank(card) === null;
      const shown = cards.filter((card) => !card.hidden).sort((a, b) => Number(rank(a)) - Number(rank(b)));
      for (const card of shown) holder.append(card);
      tools.querySelector(".shown").textContent = `${shown.length} of ${cards.length} prompts`;
    };
    tools.hidden = false;
    tools.addEventListener("submit", (event) => event.preventDefault());
    choice.addEventListener("change", arrange);
    arrange();
  }

  for (const card of document.querySelectorAll(".duel")) {
    const [a, b] = [".side.a video", ".side.b video"].map((place) => card.querySelector(place));
    for (const video of card.querySelectorAll("video")) {
      const warn = () => {
        video.dataset.state = "unplayable";
        video.nextElementSibling.hidden = false;
      };
      video.addEventListener("error", warn);
      video.addEventListener("loadedmetadata", () => {
        video.dataset.state = "ready";
        // sound alone: the browser lacks the picture's codec and raises no error
        if (!video.videoWidth) warn();
      });
      video.addEventListener("play", () => {
        for (const other of document.querySelectorAll("video")) {
          if (!card.contains(other)) other.pause();
        }
      });
    }
    if (!a || !b) continue;
    const bar = card.querySelector(".both");
    const part = (name) => bar.querySelector(`[data-do=${name}]`);
    bar.hidden = false;
    const begin = (video) => video.play().catch(() => undefined); // what cannot be played says so itself
    const listen = () => {
      a.muted = part("sound").value === "b";
      b.muted = part("sound").value === "a";
    };
    const label = () => (part("play").textContent = a.paused && b.paused ? "play both" : "pause both");
    part("play").addEventListener("click", () => {
      if (!a.paused || !b.paused) {
        a.pause();
        b.pause();
        return;
      }
      listen();
      if (part("step").checked) b.currentTime = a.currentTime;
      for (const video of [a, b]) {
        if (video.ended) video.currentTime = 0;
        begin(video);
      }
    });
    part("start").addEventListener("click", () => {
      for (const video of [a, b]) video.currentTime = 0;
    });
    part("sound").addEventListener("change", listen);
    // in step: who is sought takes the other along, unless the other is there already
    const follow = (mine, other) => {
      const there = Math.min(mine.currentTime, Number.isFinite(other.duration) ? other.duration : mine.currentTime);
      if (part("step").checked && Math.abs(other.currentTime - there) > 0.08) other.currentTime = there;
    };
    for (const [mine, other] of [[a, b], [b, a]]) {
      mine.addEventListener("seeked", () => follow(mine, other));
      for (const name of ["play", "pause", "ended"]) mine.addEventListener(name, label);
    }
  }

  // a signature goes to the clipboard, or is at least selected
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const line = byId(button.dataset.copy);
      getSelection().selectAllChildren(line);
      try {
        await navigator.clipboard.writeText(line.textContent);
        button.textContent = "copied";
      } catch {
        button.textContent = "selected";
      }
    });
  }

  // a long page loads its players as they come near
  if ("IntersectionObserver" in window) {
    const near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          entry.target.preload = "metadata";
          near.unobserve(entry.target);
        }
      },
      { rootMargin: "800px" },
    );
    for (const video of document.querySelectorAll("video")) near.observe(video);
  }
  root.dataset.state = "ready";
})();
