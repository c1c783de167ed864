// Asks for what the first picture needs before the app itself is there: who is logged in, and where the network lies. The app takes these
// answers over (src/api/client.ts); one that nobody takes is lost, nothing else.
(function () {
  function kept(key) {
    try { return localStorage.getItem('gridtwin.' + key); } catch { return null; }
  }
  // Before a login every request would be refused.
  if (kept('in') !== 'yes') return;
  var early = (window.gridtwinEarly = {});
  function ask(address) {
    early[address] = fetch(address, { credentials: 'same-origin', headers: { Accept: 'application/json, application/octet-stream' } });
    early[address].catch(function () { /* asked again by the app, which says what is wrong */ });
  }
  ask('/api/session');
  if (location.pathname !== '/' && location.pathname !== '/map') return;
  var asked = new URLSearchParams(location.search);
  var project = asked.get('project') || kept('project');
  var network = asked.get('network') || (project && kept('network.' + project));
  if (!project || !network) return;
  var of = '/api/projects/' + encodeURIComponent(project) + '/networks/' + encodeURIComponent(network);
  var version = asked.get('version');
  ask(of + '/map' + (version ? '?version=' + encodeURIComponent(version) : ''));
  ask(of + '/geometry' + (version ? '?version=' + encodeURIComponent(version) : ''));
})();
