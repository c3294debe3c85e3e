
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

  const cards = [...document.querySelectorAll(".card")];
  const holder = byId("cards");

  // order and filter
  const choice = (id) => (byId(id) ? byId(id).value : "");
  const arrange = () => {
    const sort = byId("sort");
    const measured = Number(sort.selectedOptions[0].dataset.measured);
    const rank = (card) => Number(card.getAttribute("data-rank-" + sort.value));
    const best = choice("order") === "best";
    // clips without a number stay last in either order
    const place = (card) => (best && rank(card) < measured ? measured - 1 - rank(card) : rank(card));
    const words = choice("find").toLowerCase().split(/\s+/).filter(Boolean);
    const kind = choice("kind");
    const failed = Boolean(byId("failed") && byId("failed").checked);
    holder.classList.toggle("only-failed", failed);
    let shown = 0;
    for (const card of cards.slice().sort((a, b) => place(a) - place(b))) {
      const asked = ((failed ? card.dataset.broken : card.dataset.kinds) || "").split(" ").filter(Boolean);
      const fits =
        (!choice("system") || card.dataset.system === choice("system")) &&
        (!choice("status") || card.dataset.states.split(" ").includes(choice("status"))) &&
        (!(kind || failed) || (kind ? asked.includes(kind) : asked.length > 0)) &&
        words.every((word) => card.dataset.find.includes(word));
      card.hidden = !fits;
      shown += fits ? 1 : 0;
      holder.append(card);
    }
    byId("shown").textContent = shown === cards.length ? `${shown} clips` : `${shown} of ${cards.length} clips`;
    byId("nothing").hidden = shown > 0;
  };
  const tools = document.querySelector(".tools");
  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("change", arrange);
  byId("find").addEventListener("input", arrange);
  // a link to a clip that the filter hides shows it again
  addEventListener("hashchange", () => {
    const card = cards.find((item) => "#" + item.id === location.hash);
    if (card && card.hidden) {
      tools.reset();
      arrange();
      card.scrollIntoView();
    }
  });

  // one system at a time in the plots, and in the table of categories
  const who = [...document.querySelectorAll(".who")];
  for (const button of who) {
    button.addEventListener("click", () => {
      const chosen = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.pick;
      for (const item of who) item.setAttribute("aria-pressed", String(item.dataset.pick === chosen));
      document.body.classList.toggle("picking", chosen !== "");
      for (const item of document.querySelectorAll(".one")) item.classList.toggle("picked", item.dataset.of === chosen);
    });
  }
  const heat = byId("heat-system");
  if (heat) {
    const show = () => {
      for (const item of document.querySelectorAll(".heat")) item.hidden = item.dataset.map !== heat.value;
    };
    byId("heat-tools").hidden = false;
    heat.addEventListener("change", show);
    show();
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

  // what a constraint's words or bar say, while the pointer or the focus is on them
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const tell = (event) => {
    const place = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !place;
    if (!place) return;
    tip.textContent = place.dataset.tip;
    // words may run over two lines: the tip goes below the piece under the pointer
    const boxes = [...place.getClientRects()];
    const box = boxes.find((item) => event.clientY >= item.top - 1 && event.clientY <= item.bottom + 1) || boxes[0];
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(left, 4) + scrollX}px`;
    tip.style.top = `${box.bottom + 4 + scrollY}px`;
  };
  holder.addEventListener("pointerover", tell);
  holder.addEventListener("focusin", tell);
  holder.addEventListener("pointerleave", () => (tip.hidden = true));
  holder.addEventListener("focusout", () => (tip.hidden = true));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });

  // values under the pointer, read back from the drawn curve
  const valueAt = (line, share) => {
    const points = line.points;
    const x = share * 1000;
    let before = null;
    for (const point of points) {
      if (point.x >= x) {
        const part = before && point.x > before.x ? (x - before.x) / (point.x - before.x) : 0;
        const y = before ? before.y + part * (point.y - before.y) : point.y;
        if (!before && point.x - x > 25) return null;
        const low = Number(line.dataset.low);
        const high = Number(line.dataset.high);
        return low + (1 - (y - 1.5) / 27) * (high - low);
      }
      before = point;
    }
    return null;
  };
  const inWords = (value, unit) => {
    const size = Math.abs(value);
    const text = size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : value.toPrecision(2);
    return (Number(text) === 0 ? "0" : text).replace("-", "\u2212") + (unit ? " " + unit : "");
  };

  for (const card of cards) {
    const video = card.querySelector("video");
    const timeline = card.querySelector(".timeline");
    const duration = Number(card.dataset.duration);
    const now = card.querySelector(".now");
    const seek = (time) => {
      if (!video) return;
      video.preload = "metadata";
      video.currentTime = time;
      mark(time);
    };
    const mark = (time) => {
      if (!timeline || !(duration > 0)) return;
      timeline.classList.add("moved");
      box(time);
      timeline.style.setProperty("--t", String(Math.min(time / duration, 1)));
      now.textContent = time.toFixed(2);
    };
    // rectangles over the player: those of the chosen constraint that are there at a time
    const frames = [...card.querySelectorAll(".boxes")];
    const box = (time) => {
      for (const frame of frames) {
        for (const item of frame.children) {
          const [from, to] = [Number(item.dataset.from), Number(item.dataset.to)];
          const over = time >= to - 0.01 && to < duration - 0.05 && to - from > 0.05;
          item.hidden = time < from - 0.01 || over || time > to + 0.2;
        }
      }
    };
    // the picture may be smaller than its player, with bars beside it
    const fit = () => {
      if (!video || !video.videoWidth) return;
      const [wide, high] = [video.clientWidth, video.clientHeight];
      const scale = Math.min(wide / video.videoWidth, high / video.videoHeight);
      const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
      for (const frame of frames) {
        Object.assign(frame.style, { inset: "auto", left: `${(wide - w) / 2}px`, top: `${(high - h) / 2}px`, width: `${w}px`, height: `${h}px` });
        for (const item of frame.children) item.classList.toggle("high", (parseFloat(item.style.top) / 100) * h < 18);
      }
    };
    if (frames.length && "ResizeObserver" in window) new ResizeObserver(fit).observe(video);
    // stills are cut out of the clip by a second player, one after the other, once somebody opens them
    const cut = async (details) => {
      const waiting = [...details.querySelectorAll("canvas:not(.drawn)")];
      if (!waiting.length || !video || details.dataset.state) return;
      details.dataset.state = "drawing";
      const eye = document.createElement("video");
      eye.muted = true;
      eye.preload = "auto";
      const once = (name) =>
        new Promise((done, fail) => {
          eye.addEventListener(name, done, { once: true });
          eye.addEventListener("error", fail, { once: true });
        });
      try {
        const loaded = once("loadeddata");
        eye.src = video.src;
        await loaded;
        const [W, H] = [eye.videoWidth, eye.videoHeight];
        for (const canvas of waiting) {
          const sought = once("seeked");
          eye.currentTime = Math.min(Number(canvas.dataset.at), Math.max(eye.duration - 0.01, 0));
          await sought;
          const [x0, y0, x1, y1] = canvas.dataset.box.split(" ").map(Number);
          const edge = Math.max(0.35 * Math.min((x1 - x0) * W, (y1 - y0) * H), 12);
          const [left, top] = [Math.max(x0 * W - edge, 0), Math.max(y0 * H - edge, 0)];
          const [w, h] = [Math.min(x1 * W + edge, W) - left, Math.min(y1 * H + edge, H) - top];
          const zoom = Math.min(Math.max(240 / w, 1), 3);
          canvas.width = Math.max(Math.round(w * zoom), 1);
          canvas.height = Math.max(Math.round(h * zoom), 1);
          canvas.getContext("2d").drawImage(eye, left, top, w, h, 0, 0, canvas.width, canvas.height);
          canvas.classList.add("drawn");
        }
        details.dataset.state = "drawn";
      } catch {
        details.dataset.state = "undrawable";
      }
      eye.removeAttribute("src");
      eye.load();
    };
    for (const details of card.querySelectorAll(".stills")) {
      details.addEventListener("toggle", () => {
        if (details.open) cut(details);
      });
    }
    // one constraint at a time: its words, its bar, its evidence, and a band over its moment
    const choose = (key) => {
      for (const item of card.querySelectorAll(".pick")) {
        item.setAttribute("aria-pressed", String(item.dataset.pick === key));
      }
      for (const item of card.querySelectorAll(".said")) {
        item.classList.toggle("chosen", item.dataset.of.split(" ").includes(key));
      }
      for (const frame of frames) frame.hidden = frame.dataset.of !== key;
      if (!timeline) return;
      for (const item of timeline.querySelectorAll(".moments button")) {
        item.classList.toggle("chosen", item.dataset.pick === key);
      }
      timeline.classList.add("picks");
      for (const lane of timeline.querySelectorAll(".lane[data-of]")) {
        lane.classList.toggle("shown", lane.dataset.of === key);
      }
      const line = card.querySelector(`.constraint[data-key="${key}"]`);
      timeline.classList.remove("marked", "pass", "fail", "unverifiable", "unmeasured");
      if (line) timeline.classList.add(line.classList[1]);
      if (line && line.dataset.start) {
        timeline.classList.add("marked");
        timeline.style.setProperty("--m0", line.dataset.start);
        timeline.style.setProperty("--m1", line.dataset.end);
      }
    };
    if (card.querySelector(".constraint")) choose(card.dataset.first || "v0");
    card.addEventListener("click", (event) => {
      const picked = event.target.closest("[data-pick]");
      const button = event.target.closest("[data-t]");
      const plot = event.target.closest(".lane .plot");
      if (picked) {
        choose(picked.dataset.pick);
        const line = card.querySelector(`.constraint[data-key="${picked.dataset.pick}"]`);
        const stills = line && line.querySelector(".stills");
        if (stills) stills.open = true;
        if (picked.matches(".said")) {
          event.preventDefault();
          if (line.dataset.start) seek(Number(line.dataset.start) * duration);
        }
      }
      if (button) seek(Number(button.dataset.t));
      else if (plot) {
        const box = plot.getBoundingClientRect();
        seek(((event.clientX - box.left) / box.width) * duration);
      }
    });
    if (timeline) {
      timeline.addEventListener("pointermove", (event) => {
        const box = timeline.querySelector(".plot").getBoundingClientRect();
        const share = (event.clientX - box.left) / box.width;
        const inside = share >= 0 && share <= 1;
        timeline.classList.toggle("hovered", inside);
        timeline.style.setProperty("--h", String(share));
        for (const lane of timeline.querySelectorAll(".lane.curve")) {
          const line = lane.querySelector("polyline");
          const reach = lane.querySelector(".reach");
          const value = inside ? valueAt(line, share) : null;
          reach.classList.toggle("live", value !== null);
          reach.textContent =
            value === null ? reach.dataset.rest : `${inWords(value, line.dataset.unit)} at ${(share * duration).toFixed(2)} s`;
        }
      });
      timeline.addEventListener("pointerleave", () => {
        timeline.classList.remove("hovered");
        for (const reach of timeline.querySelectorAll(".curve .reach")) {
          reach.classList.remove("live");
          reach.textContent = reach.dataset.rest;
        }
      });
    }
    if (!video) continue;
    const ready = () => {
      video.dataset.state = "ready";
      video.dataset.seconds = video.duration.toFixed(2);
      fit();
      // sound alone: the browser lacks the picture's codec and raises no error
      if (!video.videoWidth) card.querySelector(".unplayable").hidden = false;
    };
    if (video.readyState >= 1) ready();
    video.addEventListener("loadedmetadata", ready);
    video.addEventListener("error", () => {
      video.dataset.state = "unplayable";
      card.querySelector(".unplayable").hidden = false;
    });
    let running = 0;
    const follow = () => {
      mark(video.currentTime);
      running = video.paused ? 0 : requestAnimationFrame(follow);
    };
    video.addEventListener("play", () => {
      for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
      if (!running) follow();
    });
    video.addEventListener("seeked", () => mark(video.currentTime));
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
    for (const video of document.querySelectorAll('video[preload="none"]')) near.observe(video);
  }
  root.dataset.state = "ready";
})();
