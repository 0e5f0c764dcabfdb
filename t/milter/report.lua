-- Whole reports on the net lane: from a trusted reporter, from a stranger, from
-- nobody known; in one piece, byte by byte, two in one connection.
dofile(dir .. "/conversation.lua")

local c = open("192.0.2.9")
expect("trusted", message(c, "<>", { "<app@example.net>" }, report_headers, { report_body("trusted@remote.test") }), "end")
expect("a second one", message(c, "<>", { "<app@example.net>" }, report_headers,
  { report_body("second@remote.test") }), "end")
local bytes, text = {}, report_body("bytes@remote.test")
for i = 1, #text do bytes[i] = text:sub(i, i) end
expect("byte by byte", message(c, "<MAILER-DAEMON@remote.test>", { "<app@example.net>" }, report_headers, bytes), "end")
mt.disconnect(c)

c = open("198.51.100.1")
expect("stranger", message(c, "<>", { "<app@example.net>" }, report_headers, { report_body("victim1@remote.test") }), "end")
mt.disconnect(c)

c = open("unspec" )
expect("no address", message(c, "<>", { "<app@example.net>" }, report_headers, { report_body("victim2@remote.test") }), "end")
mt.disconnect(c)

c = open(nil)
expect("no connect", message(c, "<>", { "<app@example.net>" }, report_headers, { report_body("victim3@remote.test") }), "end")
mt.disconnect(c)

-- Port 0 belongs to the local lane, and so do paths without brackets: neither
-- alone makes a report our own.
c = open("127.0.0.1")
expect("no brackets", message(c, "", { "app@example.net" }, report_headers, { report_body("victim4@remote.test") }), "end")
mt.disconnect(c)

mt.echo("complete")
