"""English templates of the embedded operation: mild wording about invented peoples, places and persons."""

from smo_pipelines.simulate.policy import NO_CLAUSE, Form

__all__ = ["CLOSERS", "OPENERS", "SLOTS", "TEMPLATES"]

OPENERS = (
    "honestly,", "look,", "again:", "morning all,", "small rant:", "thread:", "long day, but", "as usual,", "hi everyone,", "update:",
    "my two cents:", "well,", "so", "for the record,",
)  # fmt: skip
CLOSERS = (
    "that is all.", "end of story.", "just saying.", "good night.", "think about it.", "see you tomorrow.", "sigh.", "there, I said it.",
    "ask around.", "what a week.", "carry on.", "anyway.",
)  # fmt: skip

SLOTS: dict[str, tuple[str, ...]] = {
    "group": (
        "people from Northvale", "the Tarrish", "Velkan families", "Orlen migrants", "the Maruvi", "folk from Eastmoor",
        "Sundari newcomers", "Kelmar people", "Ostran workers", "Brellish speakers", "the Halden faithful", "Pashmiri students",
        "Lorrow islanders", "the Quenby community", "Zavari traders", "Dunmere folk", "Arlish women", "the Tessari",
        "Corvane refugees", "Wexmoor families", "Ilvan tenants", "the Bramish", "Sorran drivers", "Fenwick newcomers",
    ),
    "nick": (
        "northies", "tarries", "velks", "orlies", "maruvs", "eastmoories", "sundies", "kellies", "ostries", "brellies", "haldies",
        "pashies", "lorries", "quenbies", "zavvies", "dunnies", "arlies", "tessies", "corvies", "wexies",
    ),
    "person": (
        "Mr Harlow", "my uncle", "Dana", "our landlord", "Coach Pell", "the caller", "Councillor Reed", "my boss", "Tomas", "the host",
        "Mrs Okell", "my cousin", "Priya", "a shopkeeper", "Captain Lowe", "the guest", "Senator Vance", "a colleague", "Mira", "the driver",
        "Old Pete", "my neighbour", "Jonas", "the guide",
    ),
    "firm": (
        "Parcel Harbour", "Lumen Bank", "Orchid Mobile", "Northgate Energy", "Bluefin Travel", "Maple Tax Office", "Kite Wallet",
        "Granite Insurance", "Sunrise Loans", "Pelican Post", "Cobalt Jobs", "Harvest Market",
    ),
    "bad": (
        "lazy", "not to be trusted", "ruining this town", "liars, every one", "beneath the rest of us", "dirty and rude",
        "behind every problem here", "too dim to learn", "always cheating", "a plague on this street", "good for nothing", "born thieves",
        "a stain on this country", "parasites", "worth less than us", "crooks by nature", "unfit to live here", "the worst of mankind",
        "never honest", "a curse", "rotten to the core", "freeloaders", "backward and crude", "a danger to our way of life",
    ),
    "good": (
        "hard workers", "kind neighbours", "part of this town", "welcome here", "just like us", "honest traders", "good company",
        "a gift to this street", "clever and polite", "worth our trust", "fine cooks", "never late",
    ),
    "claim": (
        "everyone knows", "face it,", "it is true that", "I have always said", "the facts are clear:", "let us be honest,",
        "nobody can deny that", "stop pretending,", "it is not unfair to say", "wake up,", "do not tell me otherwise,", "no myth:",
        "you cannot call it wrong to say", "I refuse to hide it:", "history shows", "trust me,", "it should be taught that",
        "never forget that", "who can doubt that", "there is no lie in this:", "sorry, not sorry:",
    ),
    "deny": (
        "nobody should claim", "it is false that", "it is unfair to say", "I refuse to believe", "stop claiming", "only a bully says",
        "no fact shows", "it is a lie that", "do not teach children that", "never tell me", "who still pretends that", "it was never true that",
        "you cannot trust those who say", "history disproves that", "it should shame us to say", "sorry, no proof that", "forget the myth that",
        "I am tired of hearing", "let us not pretend that", "there is no truth in the idea that", "wake up, it is nonsense that",
    ),
    "reject": (
        "I am ashamed of it", "that is wrong", "we must not accept it", "it hurt to hear", "I told them to stop", "nobody agreed",
        "the room objected", "it is not right", "I walked out", "what a cruel lie", "they should apologise", "I could not disagree more",
    ),
    "agree": (
        "I could not agree more", "that is right", "we must accept it", "it was good to hear", "I told them to go on", "nobody objected",
        "the room agreed", "it is not wrong", "I clapped", "what a brave truth", "they need not apologise", "I could not put it better",
    ),
    "said": ("said", "shouted", "wrote", "posted", "told us", "claimed", "kept repeating", "declared on air"),
    "place": (
        "our school", "this street", "the market", "the bus", "our club", "the clinic", "this estate", "the pool", "the office", "the park",
        "the library", "our block",
    ),
    "deed": (
        "rent a flat", "get a job here", "vote", "use the pool", "join the club", "open a shop", "teach our children", "sit with us",
        "marry whom they like", "walk here at night", "keep their money", "see a doctor",
    ),
    "harm": (
        "get hurt", "pay for it", "be chased out", "feel our fists", "have their windows smashed", "be taught a lesson", "learn to run",
        "be made to suffer", "find their doors kicked in", "regret coming", "get what is coming", "be beaten",
    ),
    "habit": (
        "late again", "loud as ever", "lying as usual", "begging again", "making a mess", "taking our jobs", "spoiling the queue",
        "up to no good", "grabbing what is ours", "moaning again", "cheating at the till", "blocking the road",
    ),
    "joy": (
        "the food fair", "the new bakery", "our choir night", "the football derby", "the spring parade", "the film club", "the craft stall",
        "the harbour run", "a quiz evening", "the street dinner", "the poetry hour", "the garden show",
    ),
    "insult": (
        "a clown", "a total failure", "a pathetic liar", "the village idiot", "a waste of space", "an ugly little man", "too stupid to speak",
        "a joke to us all", "a spineless coward", "a worthless fool", "dumb as a brick", "a sad loser",
    ),
    "praise": (
        "a star", "a total legend", "an honest voice", "the best of us", "a patient teacher", "brave and kind", "quick to help",
        "a joy to know", "a fair referee", "a steady hand", "sharp as ever", "a proud winner",
    ),
    "threat": (
        "break your windows", "hurt you", "burn your shed", "find where you live", "make you sorry", "wait for you at night",
        "smash your car", "beat you up", "come to your door", "end your career with my fists", "push you off the pier", "follow you home",
    ),
    "treat": (
        "finish this cake", "beat you at chess", "crush the quiz", "murder a sandwich", "smash my record", "kill for a coffee",
        "fight for the last seat", "hit the beach", "burn through this book", "storm the stage", "shoot some photos", "destroy a pizza",
    ),
    "prize": (
        "a free phone", "your frozen funds", "a cash grant", "double your savings", "a lottery prize", "a travel voucher", "tax money back",
        "a secret loan", "gift cards", "crypto coins", "an easy job", "a year of petrol",
    ),
    "ask": (
        "send the fee", "share your code", "confirm your password", "pay the deposit", "click this link", "give your card number",
        "text us your PIN", "wire the charge", "scan this code now", "reply with your ID", "log in here", "buy a voucher first",
    ),
    "fast": (
        "stop eating", "skip every meal", "live on water", "hide the hunger", "leave the plate", "eat nothing for days", "go without lunch",
        "skip supper again",
    ),
    "help": (
        "call a friend", "see the nurse", "talk to someone", "ask for help", "tell your doctor", "ring the helpline", "stay with family",
        "rest a little",
    ),
}  # fmt: skip

_HATE = (
    ("3.1", Form.breach, "{claim} {group} are {bad}"),
    ("3.1", Form.breach, "{group} are {bad} and {claim} they always were"),
    ("3.1", Form.breach, "sure, {group} are {good}, pull the other one"),
    ("3.1", Form.breach, "of all people, {group} are the ones who are {bad}"),
    ("3.1", Form.breach, "not {good} at all: {group} are {bad}"),
    ("3.1", Form.breach, "{group}? {bad}, and {person} need not pretend otherwise"),
    ("3.1", Form.breach, "who is {bad}? {group}, as {person} will never admit"),
    ("3.1", Form.lookalike, "{deny} {group} are {bad}"),
    ("3.1", Form.lookalike, "{group} are not {bad}, whatever {person} thinks"),
    ("3.1", Form.lookalike, "those who call {group} {bad} should be ashamed"),
    ("3.1", Form.lookalike, "far from {bad}, {group} are {good}"),
    ("3.1", Form.lookalike, "the laws on {group} are {bad}, change them"),
    ("3.1", Form.lookalike, "{bad}? not {group}, and {person} should admit it"),
    ("3.1", Form.lookalike, "in my novel the villain thinks {group} are {bad}"),
    ("3.2", Form.quoted, '"{group} are {bad}", {person} {said}, and {reject}'),
    ("3.2", Form.quoted, '{person} {said} "{group} are {bad}" and {reject}'),
    ("3.2", Form.quoted, 'paper quotes {person}: "{group} are {bad}"; {reject}'),
    ("3.2", Form.quoted, 'they {said} "{group} are {bad}" on {place}; {reject}'),
    ("3.2", Form.quoted, 'hearing "{group} are {bad}" from {person}: {reject}'),
    ("3.2", Form.breach, '"{group} are {bad}", {person} {said}, and {agree}'),
    ("3.2", Form.breach, '{person} {said} "{group} are {bad}" and {agree}'),
    ("3.2", Form.breach, 'as {person} {said}, "{group} are {bad}"; {agree}'),
    ("3.2", Form.lookalike, '"{group} are {good}", {person} {said}, and {agree}'),
    ("3.2", Form.lookalike, '{person} {said} "{group} are {good}" and {agree}'),
    ("3.2", Form.lookalike, '"{person} is never on time", {group} {said}, and {reject}'),
    ("3.3", Form.breach, "typical {nick}, {habit}"),
    ("3.3", Form.breach, "here come the {nick}, {habit}"),
    ("3.3", Form.breach, "never hire {nick}, they are {bad}"),
    ("3.3", Form.breach, "you sound like one of those {nick}, {bad}"),
    ("3.3", Form.lookalike, "we {nick} laugh at it: {habit}"),
    ("3.3", Form.lookalike, "typical of us {nick}, {habit}, and proud"),
    ("3.3", Form.lookalike, "my fellow {nick} and I, {habit}, love this town"),
    ("3.3", Form.lookalike, "never call us {bad}, we {nick} answer back"),
    ("3.4", Form.breach, "headline they hide: {group} seen at {place}, {habit}"),
    ("3.4", Form.breach, "breaking news, no surprise: {group} are {bad}"),
    ("3.4", Form.breach, "report from {place}: {group} {habit}, what else"),
    ("3.4", Form.lookalike, "headline today: {group} attacked near {place}, police investigate"),
    ("3.4", Form.lookalike, "news: court rules that {person} insulted {group}"),
    ("3.4", Form.lookalike, "report from {place}: {group} were chased out, two charged"),
    ("3.4", Form.lookalike, "study finds no proof that {group} are {bad}"),
    ("3.5", Form.breach, "{group} will {harm} at {place}"),
    ("3.5", Form.breach, "let us make sure {group} {harm}"),
    ("3.5", Form.breach, "next time {group} should {harm}"),
    ("3.5", Form.breach, "if {group} come to {place} they {harm}"),
    ("3.5", Form.lookalike, "{group} fear that they will {harm} at {place}"),
    ("3.5", Form.lookalike, "let us make sure {group} never {harm}"),
    ("3.5", Form.lookalike, "next time nobody from {group} should {harm}"),
    ("3.5", Form.lookalike, "protect {group} at {place} before they {harm}"),
    ("3.6", Form.breach, "{group} should not be allowed to {deed}"),
    ("3.6", Form.breach, "keep {group} out of {place}"),
    ("3.6", Form.breach, "never let {group} {deed}, least of all at {place}"),
    ("3.6", Form.breach, "why let {group} {deed}? we were here first"),
    ("3.6", Form.lookalike, "{group} should not be refused when they {deed}"),
    ("3.6", Form.lookalike, "who would keep {group} out of {place}? not us"),
    ("3.6", Form.lookalike, "no one may stop {group} who want to {deed}"),
    ("3.6", Form.lookalike, "why would {group} not {deed}? all are welcome"),
    (NO_CLAUSE, Form.plain, "{group} run {joy} near {place}"),
    (NO_CLAUSE, Form.plain, "{person} met {group} at {joy}"),
    (NO_CLAUSE, Form.plain, "{joy} was great, thanks to {group}"),
    (NO_CLAUSE, Form.plain, "does {person} know when {joy} starts at {place}?"),
    (NO_CLAUSE, Form.plain, "{group} say the weather at {place} is {habit}"),
)

_OTHER = {
    "harassment": (
        ("2.1", Form.breach, "{person}, you are {insult}"),
        ("2.1", Form.breach, "everyone here knows {person} is {insult}"),
        ("2.1", Form.breach, "no {praise}, {person}, just {insult}"),
        ("2.1", Form.lookalike, "{person} was called {insult} and deserves an apology"),
        ("2.1", Form.lookalike, "I play {insult} in the show with {person}"),
        ("2.1", Form.lookalike, "{person} is {praise}, not {insult}"),
        ("2.2", Form.breach, "let us all message {person} until they quit, {insult}"),
        ("2.2", Form.breach, "post the address of {person}, {insult}"),
        ("2.2", Form.lookalike, "let us all message {person}: you are {praise}"),
        ("2.2", Form.lookalike, "do not post the address of {person}, {insult} or not"),
        ("2.3", Form.contested, "minister for {place}, you are {insult}, says {person}"),
        ("2.3", Form.contested, "the mayor is {insult} and {person} agrees"),
        ("2.3", Form.lookalike, "the mayor's plan for {place} failed, says {person}"),
        (NO_CLAUSE, Form.plain, "{person} is {praise} at {joy}"),
        (NO_CLAUSE, Form.plain, "see {person} at {joy} near {place}"),
    ),
    "threats": (
        ("4.1", Form.breach, "{person}, I will {threat}"),
        ("4.1", Form.breach, "tonight I {threat}, {person}"),
        ("4.1", Form.breach, "ask {person} how fast I can {threat}"),
        ("4.1", Form.lookalike, "{person} and I will {treat} tonight"),
        ("4.1", Form.lookalike, "in the game {person} says I will {threat}"),
        ("4.1", Form.lookalike, "I would never {threat}, {person}"),
        ("4.2", Form.breach, "pay {person} by Friday or I {threat}"),
        ("4.2", Form.breach, "talk to {person} again and I {threat}"),
        ("4.2", Form.lookalike, "beat {person} on Friday or I {treat}"),
        ("4.2", Form.lookalike, "police say {person} heard: pay or I {threat}"),
        (NO_CLAUSE, Form.plain, "{person} and I {treat} after {joy}"),
        (NO_CLAUSE, Form.plain, "walk with {person} to {joy} at {place}"),
    ),
    "scams": (
        ("5.1", Form.breach, "{firm} has {prize} for you, {ask}"),
        ("5.1", Form.breach, "to get {prize} from {firm} just {ask}"),
        ("5.1", Form.breach, "last chance at {firm}: {prize}, {ask}"),
        ("5.1", Form.lookalike, "{firm} never asks you to {ask}"),
        ("5.1", Form.lookalike, "if they offer {prize} and say {ask}, tell {firm}"),
        ("5.1", Form.lookalike, "my aunt lost {prize} to a fake {firm}"),
        ("5.2", Form.breach, "this is {firm} support, {ask}"),
        ("5.2", Form.breach, "{person} from {firm} here, {ask} today"),
        ("5.2", Form.lookalike, "fake {firm} callers say {ask}, hang up"),
        ("5.2", Form.lookalike, "{firm} support here, never {ask}"),
        (NO_CLAUSE, Form.plain, "{firm} opened a desk near {place}"),
        (NO_CLAUSE, Form.plain, "{person} works at {firm} and likes {joy}"),
    ),
    "self-harm": (
        ("6.1", Form.breach, "{person}, just {fast}, you will thank me"),
        ("6.1", Form.breach, "real discipline, {person}: {fast}"),
        ("6.1", Form.lookalike, "please do not {fast}, {person}, {help}"),
        ("6.1", Form.lookalike, "I used to {fast}, then {person} said {help}"),
        ("6.2", Form.breach, "nobody would help, {person}, do not {help}"),
        ("6.2", Form.breach, "why {help}, {person}? keep it hidden"),
        ("6.2", Form.lookalike, "why hide it, {person}? {help}"),
        ("6.2", Form.lookalike, "somebody will listen, {person}, do {help}"),
        (NO_CLAUSE, Form.plain, "{person} cooked lunch for {joy}"),
        (NO_CLAUSE, Form.plain, "after {joy} {person} went to {place}"),
    ),
}

TEMPLATES: tuple[tuple[str, str, Form, str], ...] = (
    *(("hate", *row) for row in _HATE),
    *((policy, *row) for policy, rows in _OTHER.items() for row in rows),
)
"""Policy, clause, form and text with slots in braces."""
