package browser

// Base is the path under which every site answers for sign-in.
const Base = "/.latchkey"

// Home is where a sign-in goes that has no better place to return to.
const Home = "/"

// AccountPath is the page of the person who is signed in: the one endpoint of ours that a sign-in may return to.
const AccountPath = Base + "/me"

// DonePath is where a sign-in in a window of its own returns to: a page that does nothing but say that it is done.
const DonePath = Base + "/done"

// TooLongPath is where a sign-in returns to whose page was too long. The page says so and leads on to what is left of
// the address. It needs no prompt and no script, and what goes on with a sign-in needs not know of it.
const TooLongPath = Base + "/too-long"
