import NIOCore
import NIOPosix
import NIOHTTP1
import NIOSSL
import Yams
import Logging
import CNghttp2
