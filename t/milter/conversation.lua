-- What the conversations share. From outside come: sock, steps (what the MTA
-- says it can leave out), dir (where this file is).

local allowed = {
  [SMFIR_CONTINUE] = "continue", [SMFIR_ACCEPT] = "accept", [SMFIR_SKIP or 115] = "skip",
}

-- A connection; the address may be nil, then the MTA tells nothing about it.
function open(address)
  local c = mt.connect("unix:" .. sock)
  if c == nil then error("cannot connect") end
  if mt.negotiate(c, nil, nil, tonumber(steps)) ~= nil then error("cannot negotiate") end
  if address ~= nil then tell(c, "connect", mt.conninfo, "client.remote.test", address) end
  return c
end

-- Say something. A command that was negotiated away is not said. Ordinary mail
-- must never hear anything but: go on, accepted, enough of the body.
function tell(c, name, command, ...)
  local ok, err = pcall(command, c, ...)
  if not ok then
    if string.find(tostring(err), "negotiated", 1, true) then return "not asked" end
    error(name .. ": " .. tostring(err))
  end
  if err ~= nil then error(name .. ": " .. tostring(err)) end
  local reply = mt.getreply(c)
  if reply ~= 0 and allowed[reply] == nil then
    error(name .. " is answered " .. string.char(reply))
  end
  return allowed[reply] or "nothing"
end

-- The envelope; returns the answer to MAIL.
function envelope(c, sender, recipients, daemon_name)
  mt.macro(c, SMFIC_MAIL, "i", "4F00", "{daemon_name}", daemon_name or "mta.example.net")
  local answer = tell(c, "MAIL", mt.mailfrom, sender, "SIZE=100")
  for _, recipient in ipairs(recipients) do
    tell(c, "RCPT", mt.rcptto, recipient)
  end
  tell(c, "DATA", mt.data)
  return answer
end

-- A whole message as an MTA would send it: what is accepted is not continued.
-- Returns the stage at which it was accepted.
function message(c, sender, recipients, headers, body)
  if envelope(c, sender, recipients) == "accept" then return "MAIL" end
  for _, h in ipairs(headers) do tell(c, "header", mt.header, h[1], h[2]) end
  if tell(c, "end of headers", mt.eoh) == "accept" then return "headers" end
  for _, chunk in ipairs(body) do
    local answer = tell(c, "body", mt.bodystring, chunk)
    if answer == "accept" then return "body" end
    if answer == "skip" then break end
  end
  if tell(c, "end of message", mt.eom) ~= "accept" then error("not accepted at the end") end
  return "end"
end

function expect(what, got, wanted)
  if got ~= wanted then
    error(what .. ": " .. tostring(got) .. " instead of " .. tostring(wanted))
  end
end

ordinary = { { "From", "a@remote.test" }, { "Subject", "hello" }, { "Content-Type", "text/plain" } }

report_headers = {
  { "From", "MAILER-DAEMON@remote.test" }, { "Message-ID", "<r1@remote.test>" }, { "MIME-Version", "1.0" },
  { "Content-Type", "multipart/report; report-type=delivery-status;\n\tboundary=\"b\"" },
}

function report_body(recipient)
  return "--b\r\nContent-Type: text/plain\r\n\r\nnot delivered\r\n"
    .. "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; remote.test\r\n\r\n"
    .. "Final-Recipient: rfc822; " .. recipient .. "\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    .. "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
    .. "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" .. recipient .. ">\r\n\r\n--b--\r\n"
end
