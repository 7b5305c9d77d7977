-- Load for wrk: announces of 10,000 nodes to a BitTorrent tracker over HTTP, ten on each of 1,000 torrents.
-- The environment names in HASHES a file of the torrents' hashes, one in hex on each line.
local requests, position = {}, 0

function init()
  local hashes = {}
  for line in io.lines(os.getenv("HASHES")) do hashes[#hashes + 1] = line:gsub("%x%x", "%%%0") end
  for round = 0, 9 do
    for number, hash in ipairs(hashes) do
      local node = round * #hashes + number
      requests[#requests + 1] = wrk.format("GET", string.format(
        "/announce?info_hash=%s&peer_id=-PN0001-%012d&port=%d&uploaded=0&downloaded=0" ..
        "&left=1&compact=1&numwant=50", hash, node, 20000 + node))
    end
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end
