-- More of everything than anybody needs.
dofile(dir .. "/conversation.lua")

local function repeated(n, h)
  local list = {}
  for i = 1, n do list[i] = h end
  for _, r in ipairs(report_headers) do list[#list + 1] = r end
  return list
end

local c = open("192.0.2.9")
-- A header block that is too large is cut, and the report in it is still read.
message(c, "<>", { "<app@example.net>" }, repeated(3000, { "X-Line", "one of many" }), { report_body("many@remote.test") })
message(c, "<>", { "<app@example.net>" }, repeated(200, { "X-Long", ("x"):rep(2000) }), { report_body("long@remote.test") })
message(c, "<>", { "<app@example.net>" }, repeated(1, { ("X"):rep(1000), "" }), { report_body("name@remote.test") })
message(c, "<>", { "<app@example.net>" }, { { "Content-Type", "multipart/report; " .. ("x=y;"):rep(5000) } }, { "" })

-- A body without end.
local block = ("0123456789abcdef"):rep(3900) .. "\r\n"
local body = { report_body("big@remote.test") }
for i = 1, 60 do body[#body + 1] = block end
message(c, "<>", { "<app@example.net>" }, report_headers, body)
table.remove(body, 1)
body[#body + 1] = report_body("late@remote.test")
message(c, "<>", { "<app@example.net>" }, report_headers, body)
message(c, "<>", { "<app@example.net>" }, report_headers, { ("--b\r\n"):rep(10000), ("--b--\r\n"):rep(5000) })
message(c, "<>", { "<app@example.net>" }, report_headers, { ("\r\n"):rep(30000) })
message(c, "<>", { "<app@example.net>" }, report_headers, { ("\r"):rep(60000) })

-- Many recipients, long ones, senders of every kind.
local many = {}
for i = 1, 1000 do many[i] = "<r" .. i .. "@example.net>" end
message(c, "<>", many, report_headers, { report_body("rcpts@remote.test") })
for _, sender in ipairs({ "<" .. ("s"):rep(10000) .. "@remote.test>", "<", ">", "", "<<>>", "<@a,@b:c@d>", "a b c" }) do
  message(c, sender, { "<" .. ("r"):rep(10000) .. "@example.net>", "<>", "", "<" }, ordinary, { "x\r\n" })
end
mt.disconnect(c)
