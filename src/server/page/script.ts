/**
 * The script of the pages, served as a resource of its own: the policy of the pages allows no inline script. It keeps
 * an open page up to date by the events of live-pages.ts. A page without it is complete, as of its loading.
 *
 * A section is changed in place, node by node: focus, scroll position and selection stay where they are. Rows are
 * recognized by their first cell. Only a change of the kind of state is announced to screen readers.
 */
export const pageScript = `'use strict';
(() => {
  const main = document.querySelector('main');
  const icon = document.querySelector('link[rel=icon]');
  const announced = document.getElementById('announced');
  const live = document.getElementById('live');
  const said = live.querySelector('span');
  const button = live.querySelector('button');
  let source;
  let again;
  let paused = false;
  let title = document.title;

  const keyOf = (node) => node.id || (node.nodeName === 'TR' && node.cells[0] ? node.cells[0].textContent : '');
  const alike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function change(from, to) {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
    changeChildren(from, to);
  }

  function changeChildren(from, to) {
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      let found = at;
      while (found && !alike(found, wanted)) found = found.nextSibling;
      if (!found) from.insertBefore(wanted, at);
      else {
        if (found === at) at = at.nextSibling;
        else from.insertBefore(found, at);
        change(found, wanted);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function parsed(html) {
    const template = document.createElement('template');
    template.innerHTML = html;
    return template.content;
  }

  function apply(page) {
    const focused = document.activeElement;
    const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    const isShown = ({ top, bottom }) => bottom > 0 && top < innerHeight;
    const isKept = main.contains(focused) && isShown(focused.getBoundingClientRect());
    const seen = isKept ? focused : main.contains(middle) ? middle : main;
    const { top } = seen.getBoundingClientRect();
    const sections = [...main.querySelectorAll(':scope > section')];
    for (const section of sections) if (!page.ids.includes(section.id)) section.remove();
    let before = announced.nextElementSibling;
    for (const id of page.ids) {
      let section = document.getElementById(id);
      if (!section || section.parentNode !== main) {
        section = document.createElement('section');
        section.id = id;
        before.after(section);
      }
      if (Object.hasOwn(page.changed, id)) changeChildren(section, parsed(page.changed[id]));
      before = section;
    }
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    if (seen.isConnected) scrollBy(0, seen.getBoundingClientRect().top - top);
    title = page.title;
    document.title = title;
    const address = './favicon-' + page.tone + '.svg';
    if (icon.getAttribute('href') !== address) icon.setAttribute('href', address);
    if (main.dataset.kind !== page.kind) {
      main.dataset.kind = page.kind;
      announced.textContent = document.querySelector('#state .badge').textContent;
    }
  }

  function show(text) {
    button.textContent = paused ? 'Resume updates' : 'Pause updates';
    said.textContent = text;
    live.classList.toggle('lost', text.startsWith('No '));
  }

  function lost(text) {
    if (said.textContent !== text) announced.textContent = text;
    main.dataset.kind = '';
    document.title = 'No connection · ' + title;
    icon.setAttribute('href', './favicon-calm.svg');
    show(text);
  }

  function stop() {
    clearTimeout(again);
    if (source) source.close();
    source = undefined;
  }

  function start() {
    stop();
    if (paused || document.hidden) return;
    source = new EventSource(location.href);
    source.onmessage = ({ data }) => {
      show('Live');
      apply(JSON.parse(data));
    };
    source.addEventListener('full', () => {
      stop();
      paused = true;
      show('Too many pages are open: this one is not updated');
    });
    source.onerror = () => {
      lost('No connection to the operator; showing the last state');
      if (source.readyState === EventSource.CLOSED) again = setTimeout(start, 10000);
    };
  }

  button.addEventListener('click', () => {
    paused = !paused;
    show(paused ? 'Paused' : 'Connecting');
    start();
  });
  document.addEventListener('visibilitychange', start);
  window.addEventListener('pagehide', stop);
  live.hidden = false;
  show('Connecting');
  start();
})();
`;
