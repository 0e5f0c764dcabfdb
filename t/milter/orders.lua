-- Every order that the protocol allows, given up after each step.
dofile(dir .. "/conversation.lua")

-- The steps of a message. Each is said in turn, then the message is given up,
-- and the connection serves another one.
local function steps_of(sender, headers, body)
  local list = {
    { "MAIL", function(c) return tell(c, "MAIL", mt.mailfrom, sender) end },
    { "RCPT", function(c) return tell(c, "RCPT", mt.rcptto, "<app@example.net>") end },
    { "RCPT", function(c) return tell(c, "RCPT", mt.rcptto, "<b@example.net>") end },
    { "DATA", function(c) return tell(c, "DATA", mt.data) end },
  }
  for _, h in ipairs(headers) do
    list[#list + 1] = { "header", function(c) return tell(c, "header", mt.header, h[1], h[2]) end }
  end
  list[#list + 1] = { "eoh", function(c) return tell(c, "end of headers", mt.eoh) end }
  for _, chunk in ipairs(body) do
    list[#list + 1] = { "body", function(c) return tell(c, "body", mt.bodystring, chunk) end }
  end
  list[#list + 1] = { "eom", function(c) return tell(c, "end of message", mt.eom) end }
  return list
end

local half = report_body("half@remote.test")
local mails = {
  steps_of("<a@remote.test>", ordinary, { "one\r\n", "two\r\n" }),
  steps_of("<>", ordinary, { "one\r\n", "two\r\n" }),
  steps_of("<>", report_headers, { half:sub(1, 100), half:sub(101, 300) }),
  steps_of("<own@example.net>", ordinary, { "one\r\n" }),
}
for _, address in ipairs({ "198.51.100.1", "192.0.2.1", "127.0.0.1", "2001:db8::1", false }) do
  for _, mail in ipairs(mails) do
    for last = 1, #mail do
      local c = open(address or nil)
      tell(c, "HELO", mt.helo, "client.remote.test")
      for i = 1, last do
        if mail[i][2](c) == "accept" then break end
      end
      if last < #mail then mt.abort(c) end
      -- The connection is good for another message.
      message(c, "<a@remote.test>", { "<app@example.net>" }, ordinary, { "after\r\n" })
      mt.disconnect(c, last % 2 == 0)
    end
  end
end

-- Hung up after each step, without a word.
for last = 0, #mails[3] do
  local c = open("198.51.100.1")
  for i = 1, last do
    if mails[3][i][2](c) == "accept" then break end
  end
  mt.disconnect(c, false)
end

-- Steps left out.
local c = open("198.51.100.1")
envelope(c, "<>", {})
tell(c, "end of headers", mt.eoh)
tell(c, "end of message", mt.eom)                      -- no recipient, no header, no body
envelope(c, "<>", { "<app@example.net>" })
tell(c, "end of headers", mt.eoh)
tell(c, "end of message", mt.eom)                      -- an empty message
envelope(c, "<>", { "<app@example.net>" })
for _, h in ipairs(report_headers) do tell(c, "header", mt.header, h[1], h[2]) end
tell(c, "end of headers", mt.eoh)
tell(c, "end of message", mt.eom)                      -- headers of a report, no body
envelope(c, "<>", { "<app@example.net>" })
tell(c, "end of headers", mt.eoh)
tell(c, "body", mt.bodystring, half)
tell(c, "end of message", mt.eom)                      -- a body, no headers
mt.abort(c)
mt.abort(c)
for i = 1, 50 do
  expect("message " .. i, message(c, "<a@remote.test>", { "<app@example.net>" }, ordinary, { "x\r\n" }), "headers")
end
mt.disconnect(c)

mt.echo("complete")
