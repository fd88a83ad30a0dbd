-- A wrk script that posts one prepared body: wrk ... -s post.lua URL -- BODY_FILE [HEADER VALUE]...
-- Without a request() of ours wrk formats the request once, after init(), and sends it as it is.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.method = "POST"
  for i = 2, #args, 2 do
    wrk.headers[args[i]] = args[i + 1]
  end
end
