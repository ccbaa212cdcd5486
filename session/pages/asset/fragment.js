// Goes on to where the page leads by itself. A browser does not send the part of an address after #, so only this script
// takes it along.
const link = document.querySelector('main a.button');
if (link && link.origin === location.origin) location.replace(link.href + location.hash);
