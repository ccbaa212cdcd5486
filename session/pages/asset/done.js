// The sign-in that an app has asked for is done: its pages are told, and this window, which the app has opened, is closed.
new BroadcastChannel('latchkey').postMessage('done');
window.close();
