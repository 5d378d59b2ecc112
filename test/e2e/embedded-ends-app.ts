import { Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule } from 'nest-durable';

/**
 * An app on an embedded server that ends as apps in development do: `boot` fails after the module has booted, its port
 * is taken, or a signal comes that it does not listen to. Its folder is the working directory.
 */
const [how = '', port] = process.argv.slice(2);

@Module({ imports: [DurableModule.forRoot()] })
class AppModule implements OnModuleInit {
  onModuleInit(): void {
    if (how === 'boot') throw new Error('this boot fails');
  }
}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(Number(port), '127.0.0.1');
console.log('listening');
