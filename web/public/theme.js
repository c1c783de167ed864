// Sets the theme before anything is painted, so that a dark control room is not lit up by a white flash.
(function () {
  var kept = null;
  try { kept = localStorage.getItem('gridtwin.theme'); } catch { /* storage is refused: follow the system */ }
  var dark = kept ? kept === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
