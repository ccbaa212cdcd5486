package browser

// Base is the path of all endpoints of Latchkey on every site.
const Base = "/.latchkey"

// Home is where a sign-in returns to without a better target.
const Home = "/"

// AccountPath is the page with the user's own sessions, an endpoint to which a sign-in may return.
const AccountPath = Base + "/me"

// DonePath is where a sign-in in a separate window returns to: a page that only says that it is done.
const DonePath = Base + "/done"

// BoundWaitPath is where a page leads that was refused because the session is not bound to a key of the device yet.
const BoundWaitPath = Base + "/bound/wait"

// TooLongPath is where a sign-in returns to if the address of the page was too long. The page explains that and links
// to the shortened address. It needs no prompt and no script, and the rest of the sign-in does not treat it specially.
const TooLongPath = Base + "/too-long"
