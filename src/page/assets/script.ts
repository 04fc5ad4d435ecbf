/*
 * The one script of the page. It is sent as it stands; without it the page says the same, of the moment when it was loaded.
 *
 * In: `data-live` of the main part, the address of a stream of events. When that reports a change, the same view is fetched and what
 * differs of its main part is put in place, node by node: what stays keeps its focus, its place on the screen, what was typed
 * and what was opened. Out: one line that says since when the view is up to date, or why it is not.
 *
 * What must stay true: a view that is behind is fetched until that succeeds. A connection over which nothing comes is given up, and
 * said to be: a browser alone would wait on it for ever. A view that nobody sees has no stream: browsers open six connections to one
 * host, and a service has better to do.
 */
export const PAGE_SCRIPT = `'use strict';
(() => {
  const PAUSE_MS = 500, RETRY_MS = 5000, PATIENCE_MS = 3000, LONGEST_FETCH_MS = 60000, LOST_BEATS = 3;
  const main = document.getElementById('main');
  const line = document.getElementById('live');
  let stream, lastId, patience, silence, waiting, later, isFetching = false, isBehind = false, isNews = false, isAway = false, earliest = 0;
  // Until the service says how often it sends something.
  let aliveEveryMs = 15000;

  const clock = () => new Date().toISOString().slice(11, 16) + ' UTC';
  let knownAt = clock();
  // The same words again would be read aloud again.
  const say = (text) => { if (line.textContent !== text) line.textContent = text; };
  const sayInterrupted = (why) => say('Live updates are interrupted: ' + why + '. This view is of ' + knownAt + '.');

  function open() {
    close();
    if (document.hidden || main.dataset.live === undefined) return;
    const address = new URL(main.dataset.live, location.href);
    if (lastId !== undefined) address.searchParams.set('last_event_id', lastId);
    stream = new EventSource(address);
    listenForSilence();
    const on = (name, take) => stream.addEventListener(name, (event) => { take(event); listenForSilence(); });
    on('alive', () => {});
    on('ready', (event) => {
      lastId = event.lastEventId;
      aliveEveryMs = JSON.parse(event.data).alive_every_ms;
      clearTimeout(patience);
      patience = undefined;
      isAway = false;
      say('Live updates are on.');
      if (isBehind) refresh();
    });
    for (const name of ['change', 'reset']) on(name, (event) => { lastId = event.lastEventId; isNews = true; refresh(); });
    on('away', () => { isAway = true; sayInterrupted('the database does not answer'); });
    on('back', () => { isAway = false; say('Live updates are on again.'); if (isBehind) refresh(); });
    on('error', () => {
      // A stream that ends in order is open again in a second.
      patience ??= setTimeout(() => sayInterrupted('the service does not answer'), PATIENCE_MS);
      if (stream.readyState === EventSource.CLOSED) waiting ??= setTimeout(again, RETRY_MS);
    });
  }

  // Also while it connects. What was recorded meanwhile follows: the next stream goes on from the last event.
  function listenForSilence() {
    clearTimeout(silence);
    silence = setTimeout(() => { open(); sayInterrupted('the service does not answer'); }, LOST_BEATS * aliveEveryMs);
  }

  function close() {
    stream?.close();
    stream = undefined;
    clearTimeout(silence);
    clearTimeout(patience);
    patience = undefined;
  }

  function again() {
    waiting = undefined;
    if (isBehind) refresh();
    if (stream?.readyState !== EventSource.OPEN) open();
  }

  // While the database is away nothing can be shown; what is behind is fetched when it is back.
  function refresh() {
    isBehind = true;
    if (!isFetching && !isAway) waiting ??= setTimeout(fetchView, Math.max(0, earliest - performance.now()));
  }

  async function fetchView() {
    waiting = undefined;
    if (isAway) return;
    isFetching = true;
    isBehind = false;
    const wasNews = isNews;
    isNews = false;
    earliest = performance.now() + PAUSE_MS;
    try {
      const signal = AbortSignal.timeout(LONGEST_FETCH_MS);
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal });
      if (!answer.ok) throw new Error('status ' + answer.status);
      const view = new DOMParser().parseFromString(await answer.text(), 'text/html');
      show(view, view.getElementById('main'), wasNews);
    } catch {
      isBehind = true;
      isNews = true;
      earliest = performance.now() + RETRY_MS;
      // That the database is away says more.
      if (!isAway) sayInterrupted('the view cannot be fetched');
    }
    isFetching = false;
    if (isBehind) refresh();
  }

  // A part of the view that was older than the rest: nothing to read aloud.
  function fetchAgain({ dataset: { fetchAgain } }) {
    clearTimeout(later);
    if (fetchAgain === undefined) return;
    later = setTimeout(() => { if (document.hidden) isBehind = true; else refresh(); }, Number(fetchAgain));
  }

  function show(view, fresh, isSaid) {
    const focused = document.activeElement;
    patchChildren(main, fresh);
    document.title = view.title;
    if (focused !== document.activeElement) focusAgain(focused);
    knownAt = clock();
    fetchAgain(fresh);
    if (fresh.dataset.live !== undefined) return isSaid ? say('Brought up to date at ' + knownAt + '.') : undefined;
    delete main.dataset.live;
    close();
    say('Brought up to date at ' + knownAt + ', when it had ended. There are no more live updates.');
  }

  // What had the focus may stand in another list now, or nowhere.
  function focusAgain(focused) {
    const address = focused.getAttribute('href');
    const same = address === null ? null : main.querySelector('a[href="' + CSS.escape(address) + '"]');
    (focused.isConnected ? focused : same ?? main).focus({ preventScroll: true });
  }

  // Rows and entries are known by where they lead.
  function keyOf(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) return '';
    if (node.id !== '') return node.id;
    return ['TR', 'LI'].includes(node.nodeName) ? (node.querySelector('a')?.getAttribute('href') ?? '') : '';
  }

  const isSame = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  function patchChildren(from, to) {
    const wantedKeys = new Set(Array.from(to.childNodes, keyOf));
    for (const child of [...from.childNodes]) if (!wantedKeys.has(keyOf(child))) child.remove();
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      let found = at;
      while (found !== null && !isSame(found, wanted)) found = found.nextSibling;
      if (found === null) from.insertBefore(document.importNode(wanted, true), at);
      else {
        if (found === at) at = at.nextSibling;
        else from.insertBefore(found, at);
        patch(found, wanted);
      }
    }
    while (at !== null) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  // What a reader has opened, typed or chosen.
  const OWN = ['open', 'value', 'checked', 'selected'];

  function patch(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) { from.nodeValue = to.nodeValue; return; }
    for (const { name } of [...from.attributes])
      if (!to.hasAttribute(name) && !OWN.includes(name)) from.removeAttribute(name);
    for (const { name, value } of to.attributes)
      if (from.getAttribute(name) !== value && !OWN.includes(name)) from.setAttribute(name, value);
    patchChildren(from, to);
  }

  document.addEventListener('visibilitychange', open);
  addEventListener('pagehide', close);
  addEventListener('pageshow', ({ persisted }) => { if (persisted) open(); });
  fetchAgain(main);
  open();
})();
`;
